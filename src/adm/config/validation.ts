/** What a configuration must keep beyond its shape; every fault at once, with its path (kubeadm's own rules). */
import type { Fault } from '../../api/status.js'
import { isSubdomain } from '../../api/validation/names.js'
import { argFaults, cidrList, endpointFaults, hostPortFaults, keyFaults, oneOf, required, sanFaults, wrong } from './rules.js'
import type {
  BootstrapToken,
  ClusterConfiguration,
  Discovery,
  ExternalEtcd,
  InitConfiguration,
  JoinConfiguration,
  NodeRegistration,
} from './types.js'

const algorithms = ['ECDSA-P256', 'ECDSA-P384', 'RSA-2048', 'RSA-3072', 'RSA-4096']
const pullPolicies = ['Always', 'IfNotPresent', 'Never']
const usages = ['signing', 'authentication']
const tokenPattern = /^[a-z0-9]{6}\.[a-z0-9]{16}$/
const groupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/
const hashPattern = /^sha256:[0-9a-f]{64}$/i
/** A Service range of IPv4 wider than this has more addresses than a cluster can hand out; of IPv6, than its allocator may keep. */
const servicePrefixMin = { IPv4: 12, IPv6: 108 }
/** A node's share of the pod network, as kube-controller-manager cuts it. */
const nodeMask = { IPv4: 24, IPv6: 64 }

export function initFaults({ bootstrapTokens, nodeRegistration, localAPIEndpoint, certificateKey }: InitConfiguration): Fault[] {
  return [
    ...bootstrapTokens.flatMap((token, at) => tokenFaults(token, `bootstrapTokens[${at}]`)),
    ...registrationFaults(nodeRegistration),
    ...endpointFaults(localAPIEndpoint, 'localAPIEndpoint'),
    ...keyFaults(certificateKey, 'certificateKey'),
  ]
}

export function joinFaults({ discovery, nodeRegistration, controlPlane, caCertPath }: JoinConfiguration): Fault[] {
  return [
    ...discoveryFaults(discovery),
    ...registrationFaults(nodeRegistration),
    ...(caCertPath.startsWith('/') ? [] : [wrong('caCertPath', caCertPath, 'path is not absolute')]),
    ...(controlPlane
      ? [
          ...endpointFaults(controlPlane.localAPIEndpoint, 'controlPlane.localAPIEndpoint'),
          ...keyFaults(controlPlane.certificateKey, 'controlPlane.certificateKey'),
        ]
      : []),
  ]
}

export function clusterFaults(cluster: ClusterConfiguration): Fault[] {
  const { networking, certificatesDir, controlPlaneEndpoint, encryptionAlgorithm, kubernetesVersion } = cluster
  return [
    ...serviceFaults(networking.serviceSubnet),
    ...podFaults(networking.podSubnet),
    ...(isSubdomain(networking.dnsDomain) ? [] : [wrong('networking.dnsDomain', networking.dnsDomain, 'must be a DNS-1123 subdomain')]),
    ...(certificatesDir.startsWith('/') ? [] : [wrong('certificatesDir', certificatesDir, 'path is not absolute')]),
    ...(controlPlaneEndpoint === undefined ? [] : hostPortFaults(controlPlaneEndpoint, 'controlPlaneEndpoint')),
    ...oneOf('encryptionAlgorithm', encryptionAlgorithm, algorithms),
    ...(/^v?1\.\d+(\.\d+)?/.test(kubernetesVersion)
      ? []
      : [wrong('kubernetesVersion', kubernetesVersion, 'must be a version such as v1.36.0')]),
    ...etcdFaults(cluster.etcd),
    ...(['apiServer', 'controllerManager', 'scheduler'] as const).flatMap((name) =>
      argFaults(cluster[name].extraArgs, `${name}.extraArgs`),
    ),
    ...(cluster.apiServer.certSANs ?? []).flatMap((name, at) => sanFaults(name, `apiServer.certSANs[${at}]`)),
  ]
}

function serviceFaults(text: string): Fault[] {
  const path = 'networking.serviceSubnet'
  return cidrList(text, path, (cidr, part) => {
    const min = servicePrefixMin[cidr.family]
    return cidr.prefix < min
      ? [wrong(path, part, `specified service subnet is too large; for ${cidr.family}, the prefix must be at least /${min}`)]
      : []
  })
}

function podFaults(text: string | undefined): Fault[] {
  const path = 'networking.podSubnet'
  if (text === undefined) return []
  return cidrList(text, path, (cidr, part) => {
    const mask = nodeMask[cidr.family]
    if (cidr.prefix > mask) return [wrong(path, part, `the size of the pod subnet is smaller than that of a node (/${mask})`)]
    return cidr.family === 'IPv6' && mask - cidr.prefix > 16
      ? [wrong(path, part, 'the pod subnet is too large: at most 65536 nodes fit')]
      : []
  })
}

function etcdFaults({ local, external }: ClusterConfiguration['etcd']): Fault[] {
  if (local) {
    const dir = local.dataDir.startsWith('/') ? [] : [wrong('etcd.local.dataDir', local.dataDir, 'path is not absolute')]
    return [...dir, ...argFaults(local.extraArgs, 'etcd.local.extraArgs')]
  }
  const path = 'etcd.external'
  // A file may leave out what its type has.
  const given: Partial<ExternalEtcd> = external ?? {}
  const { caFile, certFile, keyFile } = given
  const endpoints = given.endpoints ?? []
  const faults = endpoints.length === 0 ? [required(`${path}.endpoints`, 'at least one endpoint of etcd')] : []
  for (const [at, endpoint] of endpoints.entries()) {
    if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint))
      faults.push(wrong(`${path}.endpoints[${at}]`, endpoint, 'must be a URL such as https://10.0.0.1:2379'))
  }
  const secure = endpoints.some((endpoint) => endpoint.startsWith('https:'))
  if (secure && !caFile) faults.push(required(`${path}.caFile`, 'TLS needs it'))
  if (Boolean(certFile) !== Boolean(keyFile))
    faults.push(required(`${path}.${certFile ? 'keyFile' : 'certFile'}`, 'certFile and keyFile come together'))
  for (const [name, file] of Object.entries({ caFile, certFile, keyFile }))
    if (file && !file.startsWith('/')) faults.push(wrong(`${path}.${name}`, file, 'path is not absolute'))
  return faults
}

function discoveryFaults({ bootstrapToken, file, tlsBootstrapToken }: Discovery): Fault[] {
  const path = 'discovery'
  if (bootstrapToken && file) return [{ path, reason: 'FieldValueInvalid', detail: 'bootstrapToken and file cannot both be set' }]
  if (!bootstrapToken && !file) return [{ path, reason: 'FieldValueRequired', detail: 'set bootstrapToken or file' }]
  const faults: Fault[] = []
  if (file && !file.kubeConfigPath) faults.push(required(`${path}.file.kubeConfigPath`, 'a kubeconfig file or URL'))
  if (bootstrapToken) {
    const { token, apiServerEndpoint, caCertHashes = [], unsafeSkipCAVerification } = bootstrapToken
    const at = `${path}.bootstrapToken`
    if (!tokenPattern.test(token ?? '')) faults.push(wrong(`${at}.token`, '<hidden>', 'must be like [a-z0-9]{6}.[a-z0-9]{16}'))
    faults.push(...hostPortFaults(apiServerEndpoint ?? '', `${at}.apiServerEndpoint`, { port: true }))
    for (const [index, hash] of caCertHashes.entries())
      if (!hashPattern.test(hash)) faults.push(wrong(`${at}.caCertHashes[${index}]`, hash, 'must be sha256: and 64 hex digits'))
    if (caCertHashes.length === 0 && !unsafeSkipCAVerification)
      faults.push(
        required(
          `${at}.caCertHashes`,
          'using token-based discovery without caCertHashes can be unsafe: set unsafeSkipCAVerification to continue',
        ),
      )
  }
  if (tlsBootstrapToken && !tokenPattern.test(tlsBootstrapToken))
    faults.push(wrong(`${path}.tlsBootstrapToken`, '<hidden>', 'must be like [a-z0-9]{6}.[a-z0-9]{16}'))
  return faults
}

export function tokenFaults({ token, usages: given, groups, ttl, expires }: BootstrapToken, path: string): Fault[] {
  const faults: Fault[] = []
  // One that is not given is made later.
  if (token && !tokenPattern.test(token)) faults.push(wrong(`${path}.token`, '<hidden>', 'must be like [a-z0-9]{6}.[a-z0-9]{16}'))
  for (const [at, usage] of given.entries()) faults.push(...oneOf(`${path}.usages[${at}]`, usage, usages))
  for (const [at, group] of groups.entries())
    if (!groupPattern.test(group)) faults.push(wrong(`${path}.groups[${at}]`, group, 'must begin with system:bootstrappers:'))
  if (groups.length > 0 && !given.includes('authentication'))
    faults.push(wrong(`${path}.groups`, groups, 'token groups cannot be specified unless --usages includes "authentication"'))
  if (ttl && expires) faults.push(wrong(`${path}.expires`, expires, 'ttl and expires are mutually exclusive'))
  if (expires && Number.isNaN(Date.parse(expires))) faults.push(wrong(`${path}.expires`, expires, 'must be a time of RFC 3339'))
  return faults
}

function registrationFaults({ name, criSocket, taints = [], imagePullPolicy, kubeletExtraArgs }: NodeRegistration): Fault[] {
  const path = 'nodeRegistration'
  return [
    ...(isSubdomain(name) ? [] : [wrong(`${path}.name`, name, 'must be a DNS-1123 subdomain in lower case')]),
    ...(/^(unix|npipe):\/\//.test(criSocket) || criSocket.startsWith('/')
      ? []
      : [wrong(`${path}.criSocket`, criSocket, 'must be a URL such as unix:///run/containerd/containerd.sock')]),
    ...taints.flatMap(({ key, effect }, at) =>
      key && effect ? [] : [wrong(`${path}.taints[${at}]`, { key, effect }, 'a taint has a key and an effect')],
    ),
    ...oneOf(`${path}.imagePullPolicy`, imagePullPolicy, pullPolicies),
    ...argFaults(kubeletExtraArgs, `${path}.kubeletExtraArgs`),
  ]
}
