import {
  endRequest,
  type NodeInfo,
  type PublishRequest,
  publishRequest,
  readCapabilities,
  readNodeInfo,
  type StageRequest,
  stageRequest,
} from './messages.js'

/** The node service of one CSI driver, over its socket. */
export interface GrpcCaller {
  call(path: string, request: Uint8Array, timeoutMs: number): Promise<Uint8Array>
  close(): void
}

/** Upstream's csiTimeout. */
const timeoutMs = 120_000
const nothing = new Uint8Array()

export class CsiDriver {
  readonly name: string
  readonly endpoint: string
  readonly #caller: GrpcCaller
  #capabilities: ReadonlySet<number> | undefined

  constructor(name: string, endpoint: string, caller: GrpcCaller) {
    this.name = name
    this.endpoint = endpoint
    this.#caller = caller
  }

  /** What it can, asked once. */
  async capabilities(): Promise<ReadonlySet<number>> {
    this.#capabilities ??= readCapabilities(await this.#call('NodeGetCapabilities', nothing))
    return this.#capabilities
  }

  async info(): Promise<NodeInfo> {
    return readNodeInfo(await this.#call('NodeGetInfo', nothing))
  }

  async stage(request: StageRequest): Promise<void> {
    await this.#call('NodeStageVolume', stageRequest(request))
  }

  async unstage(volumeId: string, path: string): Promise<void> {
    await this.#call('NodeUnstageVolume', endRequest(volumeId, path))
  }

  async publish(request: PublishRequest): Promise<void> {
    await this.#call('NodePublishVolume', publishRequest(request))
  }

  async unpublish(volumeId: string, path: string): Promise<void> {
    await this.#call('NodeUnpublishVolume', endRequest(volumeId, path))
  }

  close(): void {
    this.#caller.close()
  }

  #call(method: string, request: Uint8Array): Promise<Uint8Array> {
    return this.#caller.call(`/csi.v1.Node/${method}`, request, timeoutMs)
  }
}
