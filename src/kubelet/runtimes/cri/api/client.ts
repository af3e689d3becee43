/** A container runtime, by its CRI v1 socket. Every call has upstream's deadline: two minutes, and what the work itself may take. */
import type { Clock } from '../../../../base/clock.js'
import { GrpcClient } from '../../../../base/node/grpc-client.js'
import { decode, encode, type MessageName } from './messages.js'
import type {
  AuthConfig,
  ContainerConfig,
  CriContainer,
  CriContainerStats,
  CriContainerStatus,
  CriImage,
  FilesystemUsage,
  PodSandbox,
  PodSandboxConfig,
  PodSandboxStatus,
  Resources,
  RuntimeCondition,
} from './types.js'

export interface CriClientOptions {
  readonly clock: Clock
  readonly runtimeSocket: string
  /** --image-service-endpoint; the runtime's own when left out. */
  readonly imageSocket?: string
  /** --runtime-request-timeout */
  readonly timeoutMs?: number
}

interface ExecResult {
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
  readonly exitCode: number
}

/** What an image's own layers may take to come; upstream has no bound but the registry's progress. */
const pullTimeoutMs = 3_600_000
/** Lists and status: a runtime that hangs must be noticed. */
const listTimeoutMs = 30_000

export class CriClient {
  readonly #runtime: GrpcClient
  readonly #images: GrpcClient
  readonly #timeoutMs: number

  constructor({ clock, runtimeSocket, imageSocket = runtimeSocket, timeoutMs = 120_000 }: CriClientOptions) {
    this.#runtime = new GrpcClient({ clock, socketPath: runtimeSocket })
    this.#images = imageSocket === runtimeSocket ? this.#runtime : new GrpcClient({ clock, socketPath: imageSocket })
    this.#timeoutMs = timeoutMs
  }

  close(): void {
    this.#runtime.close()
    this.#images.close()
  }

  async #call(method: string, [asks, gives]: readonly [MessageName, MessageName], request: object, timeoutMs = this.#timeoutMs) {
    return decode(gives, await this.#runtime.call(`/runtime.v1.RuntimeService/${method}`, encode(asks, request), timeoutMs))
  }

  async #imageCall(method: string, [asks, gives]: readonly [MessageName, MessageName], request: object, timeoutMs = this.#timeoutMs) {
    return decode(gives, await this.#images.call(`/runtime.v1.ImageService/${method}`, encode(asks, request), timeoutMs))
  }

  async version(): Promise<{ readonly runtimeName: string; readonly runtimeVersion: string }> {
    const answer = await this.#call('Version', ['VersionRequest', 'VersionResponse'], { version: '0.1.0' }, listTimeoutMs)
    return { runtimeName: String(answer.runtimeName ?? ''), runtimeVersion: String(answer.runtimeVersion ?? '') }
  }

  async status(): Promise<readonly RuntimeCondition[]> {
    const { status } = await this.#call('Status', ['StatusRequest', 'StatusResponse'], {}, listTimeoutMs)
    return (status as { conditions?: RuntimeCondition[] } | undefined)?.conditions ?? []
  }

  async updateRuntimeConfig(podCidr: string): Promise<void> {
    await this.#call('UpdateRuntimeConfig', ['UpdateRuntimeConfigRequest', 'Empty'], { runtimeConfig: { networkConfig: { podCidr } } })
  }

  async runPodSandbox(config: PodSandboxConfig, runtimeHandler: string): Promise<string> {
    // Network plugins and the sandbox image may take their time: upstream doubles the deadline.
    const request = { config, runtimeHandler }
    return String((await this.#call('RunPodSandbox', ['RunPodSandboxRequest', 'SandboxId'], request, this.#timeoutMs * 2)).podSandboxId)
  }

  async stopPodSandbox(podSandboxId: string): Promise<void> {
    await this.#call('StopPodSandbox', ['SandboxId', 'Empty'], { podSandboxId })
  }

  async removePodSandbox(podSandboxId: string): Promise<void> {
    await this.#call('RemovePodSandbox', ['SandboxId', 'Empty'], { podSandboxId })
  }

  async podSandboxStatus(podSandboxId: string): Promise<PodSandboxStatus> {
    const answer = await this.#call('PodSandboxStatus', ['PodSandboxStatusRequest', 'PodSandboxStatusResponse'], { podSandboxId })
    return answer.status as PodSandboxStatus
  }

  /** The process that holds the namespaces of a sandbox, where the runtime tells (containerd's verbose info). */
  async sandboxPid(podSandboxId: string): Promise<number | undefined> {
    const request = { podSandboxId, verbose: true }
    const answer = await this.#call('PodSandboxStatus', ['PodSandboxStatusRequest', 'PodSandboxStatusResponse'], request)
    const text = (answer.info as Readonly<Record<string, string>> | undefined)?.info
    const pid = text ? (JSON.parse(text) as { pid?: number }).pid : undefined
    return pid !== undefined && pid > 0 ? pid : undefined
  }

  async listPodSandboxes(): Promise<readonly PodSandbox[]> {
    const answer = await this.#call('ListPodSandbox', ['Empty', 'ListPodSandboxResponse'], {}, listTimeoutMs)
    return (answer.items as PodSandbox[] | undefined) ?? []
  }

  async createContainer(podSandboxId: string, config: ContainerConfig, sandboxConfig: PodSandboxConfig): Promise<string> {
    const request = { podSandboxId, config, sandboxConfig }
    return String((await this.#call('CreateContainer', ['CreateContainerRequest', 'ContainerId'], request)).containerId)
  }

  async startContainer(containerId: string): Promise<void> {
    await this.#call('StartContainer', ['ContainerId', 'Empty'], { containerId })
  }

  async stopContainer(containerId: string, timeoutSeconds: number): Promise<void> {
    const request = { containerId, timeout: timeoutSeconds }
    await this.#call('StopContainer', ['StopContainerRequest', 'Empty'], request, this.#timeoutMs + timeoutSeconds * 1000)
  }

  async removeContainer(containerId: string): Promise<void> {
    await this.#call('RemoveContainer', ['ContainerId', 'Empty'], { containerId })
  }

  async listContainers(): Promise<readonly CriContainer[]> {
    const answer = await this.#call('ListContainers', ['Empty', 'ListContainersResponse'], {}, listTimeoutMs)
    return (answer.containers as CriContainer[] | undefined) ?? []
  }

  async containerStatus(containerId: string): Promise<CriContainerStatus> {
    const answer = await this.#call('ContainerStatus', ['ContainerStatusRequest', 'ContainerStatusResponse'], { containerId })
    return answer.status as CriContainerStatus
  }

  async updateContainerResources(containerId: string, linux: Resources): Promise<void> {
    await this.#call('UpdateContainerResources', ['UpdateContainerResourcesRequest', 'Empty'], { containerId, linux })
  }

  async reopenContainerLog(containerId: string): Promise<void> {
    await this.#call('ReopenContainerLog', ['ContainerId', 'Empty'], { containerId })
  }

  async execSync(containerId: string, cmd: readonly string[], timeoutMs: number): Promise<ExecResult> {
    const timeout = Math.max(1, Math.ceil(timeoutMs / 1000))
    const request = { containerId, cmd, timeout }
    const answer = await this.#call('ExecSync', ['ExecSyncRequest', 'ExecSyncResponse'], request, timeoutMs + this.#timeoutMs)
    const none = new Uint8Array()
    return {
      stdout: (answer.stdout as Uint8Array | undefined) ?? none,
      stderr: (answer.stderr as Uint8Array | undefined) ?? none,
      exitCode: (answer.exitCode as number | undefined) ?? 0,
    }
  }

  /** The address where the streams of a command are served. */
  async exec(request: { containerId: string; cmd: readonly string[]; tty: boolean; stdin: boolean; stdout: boolean; stderr: boolean }) {
    return String((await this.#call('Exec', ['ExecRequest', 'UrlResponse'], request)).url)
  }

  async attach(request: { containerId: string; tty: boolean; stdin: boolean; stdout: boolean; stderr: boolean }) {
    return String((await this.#call('Attach', ['AttachRequest', 'UrlResponse'], request)).url)
  }

  async portForward(podSandboxId: string, port: readonly number[]) {
    return String((await this.#call('PortForward', ['PortForwardRequest', 'UrlResponse'], { podSandboxId, port })).url)
  }

  async listContainerStats(): Promise<readonly CriContainerStats[]> {
    const answer = await this.#call('ListContainerStats', ['Empty', 'ListContainerStatsResponse'], {}, listTimeoutMs)
    return (answer.stats as CriContainerStats[] | undefined) ?? []
  }

  async listImages(): Promise<readonly CriImage[]> {
    const answer = await this.#imageCall('ListImages', ['Empty', 'ListImagesResponse'], {}, listTimeoutMs)
    return (answer.images as CriImage[] | undefined) ?? []
  }

  /** Undefined: it is not here. */
  async imageStatus(image: string): Promise<CriImage | undefined> {
    const answer = await this.#imageCall('ImageStatus', ['ImageStatusRequest', 'ImageStatusResponse'], { image: { image } })
    return answer.image as CriImage | undefined
  }

  async pullImage(image: string, auth: AuthConfig | undefined, sandboxConfig: PodSandboxConfig): Promise<string> {
    const request = { image: { image }, ...(auth ? { auth } : {}), sandboxConfig }
    return String((await this.#imageCall('PullImage', ['PullImageRequest', 'PullImageResponse'], request, pullTimeoutMs)).imageRef ?? '')
  }

  async removeImage(image: string): Promise<void> {
    await this.#imageCall('RemoveImage', ['RemoveImageRequest', 'Empty'], { image: { image } })
  }

  async imageFsInfo(): Promise<readonly FilesystemUsage[]> {
    const answer = await this.#imageCall('ImageFsInfo', ['Empty', 'ImageFsInfoResponse'], {}, listTimeoutMs)
    return (answer.imageFilesystems as FilesystemUsage[] | undefined) ?? []
  }
}
