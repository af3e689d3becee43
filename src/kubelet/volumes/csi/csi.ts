import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Buffer } from 'node:buffer'
import type { CSIPersistentVolumeSource, Pod, Secret } from '../../../api/types/core-v1.js'
import type { CSIDriver as CsiDriverObject, VolumeAttachment } from '../../../api/types/storage-v1.js'
import { hasReason } from '../../../api/status.js'
import { messageOf } from '../../../base/errors.js'
import type { Client } from '../../../client/client.js'
import { resources } from '../../../client/resources.js'
import { RuntimeError } from '../../runtime.js'
import { setOwnership } from '../files/ownership.js'
import type { TokenManager } from '../tokens/token-manager.js'
import { specName, type VolumeReady, type VolumeRequest, type VolumeSpec, type VolumeType } from '../volume-type.js'
import type { CsiDriver } from './driver.js'
import { type AccessMode, accessModes, nodeCapabilities, type VolumeCapability } from './messages.js'

/**
 * Volumes of CSI drivers (csi.v1): attached by the control plane where the driver wants that, staged once on the node, published to each
 * pod. What is needed to undo it lies beside the volume (vol_data.json), so that a kubelet that knows nothing can.
 */
export interface CsiVolumeOptions {
  readonly client: Client
  readonly tokens: TokenManager
  readonly rootDir: string
  readonly nodeName: string
  driver(name: string): CsiDriver | undefined
  /** Whether the node's status says that the volume is in use, so that it is not detached under it. Default: it does. */
  isReported?(volume: string): boolean
}

interface VolumeData {
  readonly driverName: string
  readonly volumeHandle: string
  readonly specVolID: string
  readonly nodeName: string
  readonly volumeLifecycleMode: 'Persistent' | 'Ephemeral'
  readonly block: boolean
}

interface Volume {
  readonly driver: CsiDriver
  readonly object: CsiDriverObject | undefined
  readonly data: VolumeData
  readonly source: CSIPersistentVolumeSource
  readonly capability: VolumeCapability
  readonly capabilities: ReadonlySet<number>
}

export const csiPlugin = 'kubernetes.io/csi'
const dataFile = 'vol_data.json'

export function csiVolume(options: CsiVolumeOptions): VolumeType {
  return {
    plugin: csiPlugin,
    handles: ({ volume, persistent }) => volume.csi !== undefined || persistent?.spec?.csi !== undefined,
    attachable: ({ persistent }) => (persistent?.spec?.csi ? uniqueName(persistent.spec.csi) : undefined),
    setUp: (request) => setUp(options, request),
    tearDown: (directory) => tearDown(options, directory),
  }
}

async function setUp(options: CsiVolumeOptions, request: VolumeRequest): Promise<VolumeReady> {
  const { spec, pod } = request
  const volume = await volumeOf(options, request)
  const { driver, data, source, capability, capabilities } = volume
  const readOnly = spec.readOnly || source.readOnly === true
  const directory = placeOf(request)
  const targetPath = join(directory, spec.block ? 'dev' : 'mount')
  const publishContext = await attachment(options, volume, spec)
  const staging =
    capabilities.has(nodeCapabilities.stageUnstage) && data.volumeLifecycleMode === 'Persistent' ? stagingPath(options.rootDir, data) : ''
  const common = { volumeId: data.volumeHandle, publishContext, stagingPath: staging, capability }
  if (staging !== '') await stage(options, volume, common)
  await mkdir(directory, { recursive: true, mode: 0o750 })
  // Before the driver is asked: whatever comes of it can be undone.
  await writeFile(join(directory, dataFile), JSON.stringify(data), { mode: 0o600 })
  await driver.publish({
    ...{ ...common, targetPath, readOnly },
    secrets: await publishSecrets(options, pod, spec),
    volumeContext: { ...source.volumeAttributes, ...(await podContext(options, volume, pod)) },
  })
  if (request.fsGroup && !spec.block && !readOnly && !capability.mount?.group && ownedByGroup(volume, spec))
    await setOwnership(targetPath, { fsGroup: request.fsGroup.id, policy: request.fsGroup.policy, readOnly })
  return { path: targetPath, readOnly, selinuxRelabel: !spec.block }
}

async function volumeOf(options: CsiVolumeOptions, { pod, spec, fsGroup }: VolumeRequest): Promise<Volume> {
  const uid = pod.metadata.uid ?? ''
  const inline = spec.volume.csi
  const source: CSIPersistentVolumeSource | undefined =
    spec.persistent?.spec?.csi ?? (inline ? { ...inline, volumeHandle: `csi-${sha256(uid + spec.name)}` } : undefined)
  if (!source) throw new Error('the volume is no CSI volume')
  const driver = options.driver(source.driver)
  if (!driver)
    throw new Error(
      `kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name ${source.driver} not found in the list of registered CSI drivers`,
    )
  const [object, capabilities] = await Promise.all([driverObject(options.client, source.driver), driver.capabilities()])
  const mode = spec.persistent ? 'Persistent' : 'Ephemeral'
  const modes = object?.spec?.volumeLifecycleModes ?? ['Persistent']
  if (object && !modes.includes(mode))
    throw new Error(
      `kubernetes.io/csi: mounter.SetupAt failed: volume mode "${mode}" not supported by driver ${source.driver} (only supports [${modes.map((each) => `"${each}"`).join(' ')}])`,
    )
  const group = fsGroup && capabilities.has(nodeCapabilities.mountGroup) ? { group: String(fsGroup.id) } : {}
  const mount = { fsType: source.fsType ?? '', flags: spec.persistent?.spec?.mountOptions ?? [], ...group }
  return {
    ...{ driver, object, source, capabilities },
    capability: { accessMode: accessModeOf(spec, capabilities), ...(spec.block ? {} : { mount }) },
    data: {
      ...{ driverName: source.driver, volumeHandle: source.volumeHandle, specVolID: specName(spec) },
      ...{ nodeName: options.nodeName, volumeLifecycleMode: mode, block: spec.block },
    },
  }
}

async function stage(
  options: CsiVolumeOptions,
  { driver, data, source }: Volume,
  common: { volumeId: string; publishContext: Readonly<Record<string, string>>; stagingPath: string; capability: VolumeCapability },
): Promise<void> {
  const directory = dirname(common.stagingPath)
  await mkdir(common.stagingPath, { recursive: true, mode: 0o750 })
  await writeFile(join(directory, dataFile), JSON.stringify(data), { mode: 0o600 })
  const secrets = await secretData(options.client, source.nodeStageSecretRef)
  try {
    await driver.stage({ ...common, secrets, volumeContext: source.volumeAttributes ?? {} })
  } catch (error) {
    const message = `MountVolume.MountDevice failed for volume "${data.specVolID}" : ${messageOf(error)}`
    throw new RuntimeError('FailedMount', message, { cause: error })
  }
}

/** What the attacher said, once the control plane has attached the volume; drivers that need no attaching say nothing. */
async function attachment(
  { client, nodeName, isReported = () => true }: CsiVolumeOptions,
  { object, data, source }: Volume,
  spec: VolumeSpec,
): Promise<Readonly<Record<string, string>>> {
  if (data.volumeLifecycleMode === 'Ephemeral' || object?.spec?.attachRequired === false) return {}
  const name = `csi-${sha256(data.volumeHandle + data.driverName + nodeName)}`
  const found = await client
    .resource<VolumeAttachment>(resources.volumeAttachments)
    .get('', name)
    .catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    })
  if (found?.status?.attachError)
    throw new RuntimeError(
      'FailedMount',
      `MountVolume.WaitForAttach failed for volume "${specName(spec)}" : ${found.status.attachError.message}`,
    )
  if (!found?.status?.attached || !isReported(uniqueName(source))) {
    const message = `Unable to attach or mount volumes: unmounted volumes=[${spec.name}], unattached volumes=[${spec.name}], failed to process volumes=[]: timed out waiting for the condition`
    throw new RuntimeError('FailedMount', message)
  }
  return found.status.attachmentMetadata ?? {}
}

async function driverObject(client: Client, name: string): Promise<CsiDriverObject | undefined> {
  return client
    .resource<CsiDriverObject>(resources.csiDrivers)
    .get('', name)
    .catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    })
}

/** What a driver asked to be told of the pod (podInfoOnMount, tokenRequests). */
async function podContext({ tokens }: CsiVolumeOptions, { object, data }: Volume, pod: Pod): Promise<Record<string, string>> {
  const { namespace = '', name = '', uid = '' } = pod.metadata
  const serviceAccount = pod.spec?.serviceAccountName || 'default'
  const context: Record<string, string> = {}
  if (object?.spec?.podInfoOnMount)
    Object.assign(context, {
      'csi.storage.k8s.io/pod.name': name,
      'csi.storage.k8s.io/pod.namespace': namespace,
      'csi.storage.k8s.io/pod.uid': uid,
      'csi.storage.k8s.io/serviceAccount.name': serviceAccount,
      'csi.storage.k8s.io/ephemeral': String(data.volumeLifecycleMode === 'Ephemeral'),
    })
  const wanted = object?.spec?.tokenRequests ?? []
  if (wanted.length === 0) return context
  const made: Record<string, object> = {}
  for (const { audience = '', expirationSeconds = 3_600 } of wanted as readonly { audience?: string; expirationSeconds?: number }[]) {
    const token = await tokens.token({ namespace, serviceAccount, podName: name, podUid: uid, audience, expirationSeconds })
    made[audience] = { token: token.token, expirationTimestamp: new Date(token.expiresAtMs).toISOString() }
  }
  return { ...context, 'csi.storage.k8s.io/serviceAccount.tokens': JSON.stringify(made) }
}

function publishSecrets({ client }: CsiVolumeOptions, pod: Pod, { persistent, volume }: VolumeSpec): Promise<Record<string, string>> {
  if (persistent) return secretData(client, persistent.spec?.csi?.nodePublishSecretRef)
  const name = volume.csi?.nodePublishSecretRef?.name
  return secretData(client, name ? { name, namespace: pod.metadata.namespace ?? '' } : undefined)
}

async function secretData(
  client: Client,
  ref: { readonly name?: string; readonly namespace?: string } | undefined,
): Promise<Record<string, string>> {
  if (!ref?.name) return {}
  const { data = {} } = await client.resource<Secret>(resources.secrets).get(ref.namespace ?? '', ref.name)
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]))
}

function accessModeOf({ persistent }: VolumeSpec, capabilities: ReadonlySet<number>): AccessMode {
  const modes = persistent?.spec?.accessModes ?? ['ReadWriteOnce']
  const precise = capabilities.has(nodeCapabilities.singleNodeMultiWriter)
  if (modes.includes('ReadWriteMany')) return accessModes.MULTI_NODE_MULTI_WRITER
  if (modes.includes('ReadWriteOncePod')) return precise ? accessModes.SINGLE_NODE_SINGLE_WRITER : accessModes.SINGLE_NODE_WRITER
  if (modes.includes('ReadWriteOnce')) return precise ? accessModes.SINGLE_NODE_MULTI_WRITER : accessModes.SINGLE_NODE_WRITER
  return accessModes.MULTI_NODE_READER_ONLY
}

/** fsGroupPolicy (KEP-1682): by default only a volume of one writer with a file system of a known type. */
function ownedByGroup({ object, source }: Volume, { persistent }: VolumeSpec): boolean {
  const policy = object?.spec?.fsGroupPolicy ?? 'ReadWriteOnceWithFSType'
  if (policy !== 'ReadWriteOnceWithFSType') return policy === 'File'
  const single = (persistent?.spec?.accessModes ?? []).some((mode) => mode === 'ReadWriteOnce' || mode === 'ReadWriteOncePod')
  return single && Boolean(source.fsType)
}

/** As a node's status names it. */
function uniqueName({ driver, volumeHandle }: CSIPersistentVolumeSource): string {
  return `${csiPlugin}/${driver}^${volumeHandle}`
}

/** Devices have a folder of their own beside the volumes'. */
function placeOf({ spec, directory }: VolumeRequest): string {
  return spec.block ? directory.replace('/volumes/', '/volumeDevices/') : directory
}

function stagingPath(rootDir: string, { driverName, volumeHandle, specVolID, block }: VolumeData): string {
  const base = join(rootDir, 'plugins', 'kubernetes.io', 'csi')
  return block ? join(base, 'volumeDevices', 'staging', specVolID, 'dev') : join(base, driverName, sha256(volumeHandle), 'globalmount')
}

async function tearDown(options: CsiVolumeOptions, directory: string): Promise<void> {
  const data = await readData(directory)
  if (!data) return
  const driver = options.driver(data.driverName)
  if (!driver)
    throw new Error(
      `kubernetes.io/csi: Unmounter.TearDownAt failed to get CSI client: driver name ${data.driverName} not found in the list of registered CSI drivers`,
    )
  await driver.unpublish(data.volumeHandle, join(directory, data.block ? 'dev' : 'mount'))
  await rm(join(directory, dataFile), { force: true })
  if (data.volumeLifecycleMode === 'Ephemeral' || !(await driver.capabilities()).has(nodeCapabilities.stageUnstage)) return
  if (await isUsed(options.rootDir, data)) return
  const staged = stagingPath(options.rootDir, data)
  if (!(await readData(dirname(staged)))) return
  await driver.unstage(data.volumeHandle, staged)
  await rm(dirname(staged), { recursive: true, force: true })
}

/** What pods of this node have, by what lies beside their volumes: for a kubelet that has just started. Pod uid → unique names. */
export async function csiVolumesOnDisk(rootDir: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for await (const { uid, data } of volumesOnDisk(rootDir)) {
    if (data.volumeLifecycleMode === 'Persistent')
      found.set(uid, [...(found.get(uid) ?? []), uniqueName({ driver: data.driverName, volumeHandle: data.volumeHandle })])
  }
  return found
}

/** Whether a pod of this node still has the volume. */
async function isUsed(rootDir: string, { driverName, volumeHandle }: VolumeData): Promise<boolean> {
  for await (const { data } of volumesOnDisk(rootDir)) if (data.driverName === driverName && data.volumeHandle === volumeHandle) return true
  return false
}

async function* volumesOnDisk(rootDir: string): AsyncGenerator<{ readonly uid: string; readonly data: VolumeData }> {
  const pods = join(rootDir, 'pods')
  for (const uid of await readdir(pods).catch(() => [])) {
    for (const folder of ['volumes', 'volumeDevices']) {
      const place = join(pods, uid, folder, 'kubernetes.io~csi')
      for (const name of await readdir(place).catch(() => [])) {
        const data = await readData(join(place, name))
        if (data) yield { uid, data }
      }
    }
  }
}

async function readData(directory: string): Promise<VolumeData | undefined> {
  const text = await readFile(join(directory, dataFile), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as VolumeData)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
