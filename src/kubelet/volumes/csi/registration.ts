import { type FSWatcher, watch } from 'node:fs'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Node } from '../../../api/types/core-v1.js'
import type { CSINode, CSINodeDriver } from '../../../api/types/storage-v1.js'
import { hasReason } from '../../../api/status.js'
import type { Cancel, Clock } from '../../../base/clock.js'
import { messageOf } from '../../../base/errors.js'
import type { Logger } from '../../../base/logger.js'
import type { Client } from '../../../client/client.js'
import { resources } from '../../../client/resources.js'
import { CsiDriver, type GrpcCaller } from './driver.js'
import { type NodeInfo, readPluginInfo, registrationStatus } from './messages.js'

/**
 * CSI drivers of a node announce themselves by a socket in the registration directory (KEP-595): each is asked who it is, shown in the
 * node's CSINode with its id and topology, and told how that went. One whose socket has gone is taken off again.
 */
export interface CsiRegistrationOptions {
  readonly client: Client
  readonly clock: Clock
  readonly logger: Logger
  readonly nodeName: string
  /** …/plugins_registry */
  readonly directory: string
  /** Maps a driver's path to the one on this machine. */
  readonly resolve: (path: string) => string
  readonly connect: (socketPath: string) => GrpcCaller
}

const callMs = 5_000
/** Sockets are looked for anew, whatever was heard. */
const rescanMs = 10_000
const supported = /^1\./
export const nodeIdAnnotation = 'csi.volume.kubernetes.io/nodeid'

export class CsiRegistration {
  readonly #options: CsiRegistrationOptions
  /** Socket of registration → the driver behind it. */
  readonly #sockets = new Map<string, { readonly inode: number; readonly driver: CsiDriver }>()
  #watcher: FSWatcher | undefined
  #cancel: Cancel = () => undefined
  #scanning: Promise<void> | undefined
  #again = false
  #stopped = false

  constructor(options: CsiRegistrationOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const { directory } = this.#options
    await mkdir(directory, { recursive: true, mode: 0o750 })
    this.#watcher = watch(directory, () => void this.scan())
    this.#watcher.on('error', () => undefined)
    this.#watcher.unref()
    await this.scan()
    this.#plan()
  }

  driver(name: string): CsiDriver | undefined {
    return [...this.#sockets.values()].find(({ driver }) => driver.name === name)?.driver
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
    this.#watcher?.close()
    for (const { driver } of this.#sockets.values()) driver.close()
  }

  /** Looks at the directory; a look that is asked for meanwhile follows. */
  scan(): Promise<void> {
    if (this.#scanning) {
      this.#again = true
      return this.#scanning
    }
    this.#scanning = this.#scanNow().finally(() => {
      this.#scanning = undefined
      if (!this.#again || this.#stopped) return
      this.#again = false
      void this.scan()
    })
    return this.#scanning
  }

  #plan(): void {
    this.#cancel = this.#options.clock.timer(rescanMs, () => {
      void this.scan().finally(() => {
        if (!this.#stopped) this.#plan()
      })
    })
  }

  async #scanNow(): Promise<void> {
    const { directory, logger } = this.#options
    const present = new Map<string, number>()
    for (const name of await readdir(directory).catch(() => [])) {
      if (name.startsWith('.')) continue
      const path = join(directory, name)
      const found = await stat(path).catch(() => undefined)
      if (found?.isSocket()) present.set(path, found.ino)
    }
    for (const [path, known] of this.#sockets) if (present.get(path) !== known.inode) await this.#unregister(path, known.driver)
    for (const [path, inode] of present) {
      if (this.#sockets.has(path) || this.#stopped) continue
      await this.#register(path, inode).catch((error: unknown) =>
        logger.warn('A plugin could not be registered', { socket: path, error: messageOf(error) }),
      )
    }
  }

  async #register(path: string, inode: number): Promise<void> {
    const { connect, resolve, logger } = this.#options
    const registrar = connect(path)
    const tell = (error = '') =>
      registrar.call('/pluginregistration.Registration/NotifyRegistrationStatus', registrationStatus(error === '', error), callMs)
    try {
      const info = readPluginInfo(await registrar.call('/pluginregistration.Registration/GetInfo', new Uint8Array(), callMs))
      if (info.type !== 'CSIPlugin') {
        await tell(`handler not found corresponding to type "${info.type}"`)
        throw new Error(`plugins of type ${info.type} are not known`)
      }
      if (!info.versions.some((version) => supported.test(version))) {
        const why = `failed to get highest supported version: none of the CSI versions reported by this driver are supported`
        await tell(why)
        throw new Error(why)
      }
      // Drivers of one name replace each other, as an update in place does.
      const endpoint = resolve((info.endpoint || path).replace(/^unix:\/\//, ''))
      const driver = new CsiDriver(info.name, endpoint, connect(endpoint))
      try {
        await this.#announce(info.name, await driver.info())
      } catch (error) {
        driver.close()
        await tell(messageOf(error)).catch(() => undefined)
        throw error
      }
      this.#sockets.set(path, { inode, driver })
      await tell()
      logger.info('A CSI driver was registered', { driver: info.name, endpoint })
    } finally {
      registrar.close()
    }
  }

  async #unregister(path: string, driver: CsiDriver): Promise<void> {
    this.#sockets.delete(path)
    driver.close()
    if (this.driver(driver.name)) return
    await this.#writeDrivers((drivers) => drivers.filter(({ name }) => name !== driver.name)).catch((error: unknown) =>
      this.#options.logger.warn('A CSI driver could not be taken off its node', { driver: driver.name, error: messageOf(error) }),
    )
  }

  async #announce(name: string, { nodeId, volumesMax, topology }: NodeInfo): Promise<void> {
    const { client, nodeName } = this.#options
    const topologyKeys = Object.keys(topology).sort()
    const entry: CSINodeDriver = {
      ...{ name, nodeID: nodeId },
      ...(topologyKeys.length > 0 ? { topologyKeys } : {}),
      ...(volumesMax > 0 ? { allocatable: { count: volumesMax } } : {}),
    }
    const nodes = client.resource<Node>(resources.nodes)
    const node = await nodes.get('', nodeName)
    const ids = JSON.parse(node.metadata.annotations?.[nodeIdAnnotation] ?? '{}') as Record<string, string>
    const metadata = { annotations: { [nodeIdAnnotation]: JSON.stringify({ ...ids, [name]: nodeId }) }, labels: topology }
    await nodes.patch('', nodeName, { type: 'merge', body: { metadata } })
    await this.#writeDrivers((drivers) => [...drivers.filter((driver) => driver.name !== name), entry])
  }

  async #writeDrivers(change: (drivers: readonly CSINodeDriver[]) => CSINodeDriver[]): Promise<void> {
    const { client, nodeName } = this.#options
    const nodes = client.resource<CSINode>(resources.csiNodes)
    const old = await nodes.get('', nodeName).catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    })
    if (old) {
      await nodes.update({ ...old, spec: { ...old.spec, drivers: change(old.spec.drivers ?? []) } })
      return
    }
    const { uid = '' } = (await client.resource<Node>(resources.nodes).get('', nodeName)).metadata
    await nodes.create({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSINode',
      metadata: { name: nodeName, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }] },
      spec: { drivers: change([]) },
    })
  }
}
