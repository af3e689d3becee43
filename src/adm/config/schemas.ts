/** The fields of kubeadm's documents, v1beta4, and of v1beta3 where they differ (kubeadm reference: configuration). */
import type { Shape } from './shape.js'

const strings: Shape = { list: 'string' }
const args: Shape = { list: { fields: { name: 'string', value: 'string' } } }
const env: Shape = { list: { fields: { name: 'string', value: 'string', valueFrom: 'any' } } }
const timeouts: Shape = {
  fields: {
    ...{ controlPlaneComponentHealthCheck: 'duration', discovery: 'duration', etcdAPICall: 'duration', kubeletHealthCheck: 'duration' },
    ...{ kubernetesAPICall: 'duration', tlsBootstrap: 'duration', upgradeManifests: 'duration' },
  },
}
const head = { apiVersion: 'string', kind: 'string' } as const
const patches: Shape = { fields: { directory: 'string' } }
const endpoint: Shape = { fields: { advertiseAddress: 'string', bindPort: 'integer' } }
const registration = {
  ...{
    name: 'string',
    criSocket: 'string',
    taints: { list: { fields: { key: 'string', value: 'string', effect: 'string', timeAdded: 'string' } } },
  },
  ...{ kubeletExtraArgs: args, ignorePreflightErrors: strings, imagePullPolicy: 'string', imagePullSerial: 'boolean' },
} satisfies Record<string, Shape>
const component = {
  extraArgs: args,
  extraVolumes: { list: { fields: { name: 'string', hostPath: 'string', mountPath: 'string', readOnly: 'boolean', pathType: 'string' } } },
  extraEnvs: env,
} satisfies Record<string, Shape>
const image = { imageRepository: 'string', imageTag: 'string' } as const
const localEtcd = {
  ...image,
  dataDir: 'string',
  extraArgs: args,
  extraEnvs: env,
  serverCertSANs: strings,
  peerCertSANs: strings,
} satisfies Record<string, Shape>
const externalEtcd: Shape = {
  fields: { endpoints: strings, caFile: 'string', certFile: 'string', keyFile: 'string', httpEndpoints: strings },
}
const upgradeCommon = {
  ...{ allowExperimentalUpgrades: 'boolean', allowRCUpgrades: 'boolean', certificateRenewal: 'boolean', dryRun: 'boolean' },
  ...{ etcdUpgrade: 'boolean', forceUpgrade: 'boolean', ignorePreflightErrors: strings, patches, printConfig: 'boolean' },
  ...{ skipPhases: strings, imagePullPolicy: 'string', imagePullSerial: 'boolean' },
} satisfies Record<string, Shape>

const init = {
  ...head,
  bootstrapTokens: {
    list: {
      fields: { token: 'string', description: 'string', ttl: 'duration', expires: 'string', usages: strings, groups: strings },
    },
  },
  ...{ nodeRegistration: { fields: registration }, localAPIEndpoint: endpoint, certificateKey: 'string', skipPhases: strings },
  ...{ patches, dryRun: 'boolean', timeouts },
} satisfies Record<string, Shape>

const cluster = {
  ...head,
  etcd: { fields: { local: { fields: localEtcd }, external: externalEtcd } },
  networking: { fields: { serviceSubnet: 'string', podSubnet: 'string', dnsDomain: 'string' } },
  ...{ kubernetesVersion: 'string', controlPlaneEndpoint: 'string', apiServer: { fields: { ...component, certSANs: strings } } },
  ...{ controllerManager: { fields: component }, scheduler: { fields: component } },
  ...{ dns: { fields: { ...image, disabled: 'boolean' } }, proxy: { fields: { disabled: 'boolean' } }, certificatesDir: 'string' },
  ...{ imageRepository: 'string', featureGates: { map: 'boolean' }, clusterName: 'string', encryptionAlgorithm: 'string' },
  ...{ certificateValidityPeriod: 'duration', caCertificateValidityPeriod: 'duration' },
} satisfies Record<string, Shape>

const join = {
  ...head,
  ...{ nodeRegistration: { fields: registration }, caCertPath: 'string' },
  discovery: {
    fields: {
      bootstrapToken: {
        fields: { token: 'string', apiServerEndpoint: 'string', caCertHashes: strings, unsafeSkipCAVerification: 'boolean' },
      },
      file: { fields: { kubeConfigPath: 'string' } },
      tlsBootstrapToken: 'string',
    },
  },
  controlPlane: { fields: { localAPIEndpoint: endpoint, certificateKey: 'string' } },
  ...{ skipPhases: strings, patches, dryRun: 'boolean', timeouts },
} satisfies Record<string, Shape>

const reset = {
  ...head,
  ...{ certificatesDir: 'string', criSocket: 'string', cleanupTmpDir: 'boolean', dryRun: 'boolean', force: 'boolean' },
  ...{ ignorePreflightErrors: strings, skipPhases: strings, unmountFlags: strings, timeouts },
} satisfies Record<string, Shape>

const upgrade = {
  ...head,
  ...{ apply: { fields: upgradeCommon }, node: { fields: upgradeCommon }, plan: { fields: upgradeCommon }, diff: 'any', timeouts },
} satisfies Record<string, Shape>

export type DocumentKind =
  | 'InitConfiguration'
  | 'ClusterConfiguration'
  | 'JoinConfiguration'
  | 'ResetConfiguration'
  | 'UpgradeConfiguration'

export const schemas: Readonly<Record<DocumentKind, Shape>> = {
  InitConfiguration: { fields: init },
  ClusterConfiguration: { fields: cluster },
  JoinConfiguration: { fields: join },
  ResetConfiguration: { fields: reset },
  UpgradeConfiguration: { fields: upgrade },
}
