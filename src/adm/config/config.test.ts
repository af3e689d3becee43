import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { defaultCluster, defaultInit, defaultJoin, defaultReset } from './defaults.js'
import { loadInit, loadJoin } from './load.js'

const facts = { hostname: 'CP-1', address: '10.0.0.11' }
const load = (text: string) => loadInit({ text, name: 'kubeadm.yaml' }, facts)
const head = 'apiVersion: kubeadm.k8s.io/v1beta4\n'

function faultsOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    expect(error).toMatchObject({ code: 'BadConfig' })
    return (error as Error).message
  }
  throw new Error('nothing was refused')
}

describe('a configuration that says nothing', () => {
  it('takes its node from the machine: name in lower case, address of the default route', () => {
    const { init, cluster } = load('')
    expect(init.nodeRegistration.name).toBe('cp-1')
    expect(init.localAPIEndpoint).toEqual({ advertiseAddress: '10.0.0.11', bindPort: 6443 })
    expect(cluster.networking).toEqual({ dnsDomain: 'cluster.local', serviceSubnet: '10.96.0.0/12' })
  })

  const reference = join(process.env.QUORATE_REFERENCE ?? '', 'facts/kubeadm/config-defaults.json')
  it.skipIf(!process.env.QUORATE_REFERENCE || !existsSync(reference))(
    'means what kubeadm prints as its defaults (needs $QUORATE_REFERENCE)',
    () => {
      const theirs = JSON.parse(readFileSync(reference, 'utf8')) as Record<string, Record<string, unknown>[]>
      const documentOf = (command: string, kind: string) => {
        const { apiVersion: _, kind: __, ...rest } = theirs[command]?.find((document) => document.kind === kind) ?? {}
        return JSON.parse(
          JSON.stringify(rest, (name, value: unknown) => (name === 'taints' && value === null ? undefined : value)),
        ) as Record<string, unknown>
      }
      const { kubernetesVersion: _, ...cluster } = defaultCluster({})
      const { kubernetesVersion: __, ...theirCluster } = documentOf('init-defaults', 'ClusterConfiguration')
      expect(cluster).toEqual(theirCluster)
      const token = { token: 'abcdef.0123456789abcdef' }
      const init = documentOf('init-defaults', 'InitConfiguration')
      expect(defaultInit({ bootstrapTokens: [token], nodeRegistration: { name: 'node' } }, { ...facts, address: '1.2.3.4' })).toEqual(init)
      const join = documentOf('join-defaults', 'JoinConfiguration')
      expect(defaultJoin({ discovery: join.discovery, nodeRegistration: { name: 'cp-1' } }, facts)).toEqual(join)
      expect(defaultReset({})).toEqual(documentOf('reset-defaults', 'ResetConfiguration'))
    },
  )
})

describe('a configuration file', () => {
  it('may have kubeadm’s documents and those of the kubelet and kube-proxy, in any order', () => {
    const loaded = load(`${head}kind: ClusterConfiguration
clusterName: prod
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 50
---
${head}kind: InitConfiguration
nodeRegistration: { name: host-1, taints: [] }
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
`)
    expect(loaded.cluster.clusterName).toBe('prod')
    expect(loaded.init.nodeRegistration).toMatchObject({ name: 'host-1', taints: [] })
    expect(loaded.kubelet).toMatchObject({ maxPods: 50 })
    expect(loaded.kubeProxy).toMatchObject({ mode: 'nftables' })
  })

  it('of v1beta3 is brought up, with a warning', () => {
    const loaded = load(`apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
apiServer: { timeoutForControlPlane: 4m0s, extraArgs: { v: "4" } }
etcd: { local: { extraArgs: { quota-backend-bytes: "1" } } }
`)
    expect(loaded.cluster.apiServer).toEqual({ extraArgs: [{ name: 'v', value: '4' }] })
    expect(loaded.cluster.etcd.local?.extraArgs).toEqual([{ name: 'quota-backend-bytes', value: '1' }])
    expect(loaded.warnings).toEqual([expect.stringContaining('config migrate')])
  })

  it('is refused with every unknown field and wrong type at once, by path', () => {
    const message = faultsOf(() =>
      load(`${head}kind: ClusterConfiguration
networking: { podSubnett: 10.0.0.0/8 }
apiServer: { extraArgs: { v: "4" }, certSANs: [1] }
certificateValidityPeriod: tomorrow
`),
    )
    for (const fault of [
      'networking.podSubnett: Invalid value: unknown field',
      'apiServer.extraArgs: Invalid value: {"v":"4"}: must be a list',
      'apiServer.certSANs[0]: Invalid value: 1: must be a string',
      'certificateValidityPeriod: Invalid value: "tomorrow": must be a duration',
    ])
      expect(message).toContain(`ClusterConfiguration: ${fault}`)
  })

  it('is refused when it is no YAML, has an unknown kind, the same kind twice or a key twice', () => {
    expect(faultsOf(() => load('a: ['))).toContain('kubeadm.yaml is not valid')
    expect(faultsOf(() => load('apiVersion: v1\nkind: Pod\n'))).toContain('v1, Kind=Pod is not a document that is known')
    expect(faultsOf(() => load(`${head}kind: InitConfiguration\n---\n${head}kind: InitConfiguration\n`))).toContain('two documents of kind')
    expect(faultsOf(() => load(`${head}kind: InitConfiguration\nkind: InitConfiguration\n`))).toContain('Map keys must be unique')
  })

  it('does not reach Object.prototype', () => {
    expect(faultsOf(() => load(`${head}kind: InitConfiguration\n__proto__: { polluted: true }\n`))).toContain(
      '__proto__: Invalid value: unknown field',
    )
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})

describe('rules beyond shape', () => {
  const cluster = (fields: string) => faultsOf(() => load(`${head}kind: ClusterConfiguration\n${fields}\n`))
  const init = (fields: string) => faultsOf(() => load(`${head}kind: InitConfiguration\n${fields}\n`))

  it.each([
    [
      'networking: { serviceSubnet: 10.0.0.0/8 }',
      'networking.serviceSubnet: Invalid value: "10.0.0.0/8": specified service subnet is too large',
    ],
    ['networking: { podSubnet: 10.0.0.0/28 }', 'networking.podSubnet'],
    ['networking: { podSubnet: "10.0.0.0/16,10.1.0.0/16" }', 'expected one CIDR of each family'],
    ['networking: { podSubnet: nonsense }', 'must be a CIDR'],
    ['controlPlaneEndpoint: "a b"', 'controlPlaneEndpoint'],
    ['controlPlaneEndpoint: "api:70000"', 'the port must be from 1 to 65535'],
    ['encryptionAlgorithm: RSA-512', 'encryptionAlgorithm: Unsupported value: "RSA-512"'],
    ['certificatesDir: pki', 'certificatesDir: Invalid value: "pki": path is not absolute'],
    ['etcd: { external: { endpoints: [] } }', 'etcd.external.endpoints: Required value'],
    ['etcd: { external: { endpoints: ["https://a:2379"], certFile: /c } }', 'etcd.external.keyFile: Required value'],
    ['apiServer: { certSANs: ["not a name"] }', 'apiServer.certSANs[0]'],
  ])('ClusterConfiguration: %s', (fields, expected) => expect(cluster(fields)).toContain(expected))

  it.each([
    ['bootstrapTokens: [{ token: short }]', 'bootstrapTokens[0].token: Invalid value: "<hidden>"'],
    ['bootstrapTokens: [{ groups: [admins] }]', 'bootstrapTokens[0].groups[0]'],
    ['bootstrapTokens: [{ usages: [signing], groups: ["system:bootstrappers:a"] }]', 'unless --usages includes "authentication"'],
    ['localAPIEndpoint: { advertiseAddress: 127.0.0.1 }', 'localAPIEndpoint.advertiseAddress'],
    ['localAPIEndpoint: { bindPort: 0 }', 'localAPIEndpoint.bindPort'],
    ['nodeRegistration: { name: Not_A_Name }', 'nodeRegistration.name'],
    ['nodeRegistration: { criSocket: containerd }', 'nodeRegistration.criSocket'],
    ['certificateKey: abc', 'certificateKey: Invalid value: "<hidden>"'],
  ])('InitConfiguration: %s', (fields, expected) => expect(init(fields)).toContain(expected))

  it('JoinConfiguration: discovery is by token with the authority’s hash, or by a file', () => {
    const join = (fields: string) =>
      faultsOf(() => loadJoin({ text: `${head}kind: JoinConfiguration\n${fields}\n`, name: 'join.yaml' }, facts))
    expect(join('')).toContain('discovery: Required value')
    const token = 'token: abcdef.0123456789abcdef, apiServerEndpoint: "10.0.0.1:6443"'
    expect(join(`discovery: { bootstrapToken: { ${token} } }`)).toContain('caCertHashes: Required value')
    expect(join(`discovery: { bootstrapToken: { ${token}, caCertHashes: [md5:1] } }`)).toContain('caCertHashes[0]')
    const { join: good } = loadJoin(
      {
        text: `${head}kind: JoinConfiguration\ndiscovery: { bootstrapToken: { ${token}, unsafeSkipCAVerification: true } }\n`,
        name: 'join.yaml',
      },
      facts,
    )
    expect(good.discovery.tlsBootstrapToken).toBe('abcdef.0123456789abcdef')
  })
})
