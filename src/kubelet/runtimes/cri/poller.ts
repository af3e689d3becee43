import { join } from 'node:path'
import type { Cancel, Clock } from '../../../base/clock.js'
import { messageOf } from '../../../base/errors.js'
import type { Logger } from '../../../base/logger.js'
import type { RuntimeContainer } from '../../runtime.js'
import type { CriClient } from './api/client.js'
import type { CriContainerStatus } from './api/types.js'
import { annotation, label, podLogDirectory } from './names.js'
import { type ContainerEntry, type ListedPod, listedPods, type PodCache, type PodEntry, stateName } from './pod-cache.js'
import { terminationMessage } from './termination-message.js'

/**
 * Keeps the cache of pods true to the runtime by looking at its lists (upstream's generic PLEG): every second, and sooner when asked. Only
 * what has changed is looked at closely.
 */
export interface PollerOptions {
  readonly client: CriClient
  readonly clock: Clock
  readonly logger: Logger
  readonly cache: PodCache
  readonly runtimeName: string
  readonly logsDir: string
  /** Of pods in the host's network, which have no address of their own. */
  hostIps(): readonly string[]
  onChange(uid: string): void
}

const relistMs = 1000

export class Poller {
  readonly #options: PollerOptions
  #cancel: Cancel = () => undefined
  #stopped = false
  /** When the runtime last answered. */
  lastSeenMs = Number.NEGATIVE_INFINITY
  #failing = false

  constructor(options: PollerOptions) {
    this.#options = options
  }

  start(): void {
    this.#cancel = this.#options.clock.timer(relistMs, () => {
      void this.relist()
        .catch(() => undefined)
        .then(() => {
          if (!this.#stopped) this.start()
        })
    })
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  async relist(): Promise<void> {
    const { client, cache, clock, logger } = this.#options
    const since = cache.now
    try {
      const [sandboxes, containers] = await Promise.all([client.listPodSandboxes(), client.listContainers()])
      this.lastSeenMs = clock.now()
      this.#failing = false
      const listed = listedPods(sandboxes, containers)
      for (const { uid } of [...cache.values()]) if (!listed.has(uid) && cache.believes(uid, since)) this.#vanished(uid)
      await Promise.all([...listed.values()].map((pod) => this.#take(pod, since)))
    } catch (error) {
      if (!this.#failing) logger.error('The container runtime does not list its pods', { error: messageOf(error) })
      this.#failing = true
      throw error
    }
  }

  #vanished(uid: string): void {
    this.#options.cache.delete(uid)
    this.#options.onChange(uid)
  }

  async #take(pod: ListedPod, since: number): Promise<void> {
    const { cache } = this.#options
    if (!cache.believes(pod.uid, since)) return
    const known = cache.get(pod.uid)
    if (known && isSame(known, pod)) return
    const news = await this.#lookAt(pod, known)
    if (!cache.believes(pod.uid, since)) return
    const entry = known ?? cache.make(pod)
    entry.sandboxes = pod.sandboxes
    if (news.ips) entry.ips = news.ips
    const ids = new Set(pod.containers.map(({ id }) => id))
    entry.containers = entry.containers.filter(({ criId }) => ids.has(criId))
    for (const container of news.containers) cache.put(entry, container)
    cache.show(entry, false)
    entry.changedAt = Math.min(entry.changedAt, since)
    this.#options.onChange(pod.uid)
  }

  async #lookAt(pod: ListedPod, known: PodEntry | undefined) {
    const { client } = this.#options
    const sandbox = pod.sandboxes[0]
    const before = known?.sandboxes[0]
    const isNew = sandbox?.ready && (before?.id !== sandbox.id || !before.ready)
    const changed = pod.containers.filter(({ id, state }) => {
      const entry = known?.containers.find(({ criId }) => criId === id)
      return entry?.view.state !== stateName(state)
    })
    const [ips, containers] = await Promise.all([
      sandbox && isNew ? client.podSandboxStatus(sandbox.id).then((status) => this.ipsOf(status.network)) : undefined,
      Promise.all(
        changed.map((container) =>
          client.containerStatus(container.id).then(
            (status) => this.entryOf(pod, status, container.podSandboxId ?? ''),
            // Removed since the list was made: the next one says so.
            () => undefined,
          ),
        ),
      ),
    ])
    return { ips, containers: containers.filter((entry) => entry !== undefined) }
  }

  ipsOf(network: { readonly ip?: string; readonly additionalIps?: readonly { readonly ip?: string }[] } | undefined): readonly string[] {
    const own = [network?.ip, ...(network?.additionalIps ?? []).map(({ ip }) => ip)].filter((ip): ip is string => Boolean(ip))
    return own.length > 0 ? own : this.#options.hostIps()
  }

  /** A container as the runtime tells of it. */
  entryOf(pod: Pick<PodEntry, 'uid' | 'namespace' | 'name'>, status: CriContainerStatus, sandboxId: string): ContainerEntry {
    const { runtimeName, logsDir } = this.#options
    const { labels = {}, annotations = {}, metadata, id, exitCode = 0 } = status
    const name = labels[label.containerName] ?? metadata?.name ?? ''
    const attempt = Number(annotations[annotation.restartCount] ?? metadata?.attempt ?? 0)
    const logPath = status.logPath ?? join(logsDir, podLogDirectory(pod.namespace, pod.name, pod.uid), name, `${attempt}.log`)
    const state = stateName(status.state)
    const view: RuntimeContainer = {
      ...{ name, id: `${runtimeName}://${id}`, image: status.image?.image ?? '', imageId: status.imageRef ?? '', attempt, state },
      ...(status.startedAt ? { startedAtMs: milliseconds(status.startedAt) } : {}),
      ...(state === 'exited' ? ended(status, exitCode, logPath) : {}),
    }
    return { criId: id, sandboxId, logPath, view }
  }
}

function ended(status: CriContainerStatus, exitCode: number, logPath: string) {
  const message = terminationMessage(status, logPath)
  return {
    finishedAtMs: milliseconds(status.finishedAt ?? status.startedAt ?? status.createdAt ?? 0),
    exitCode,
    reason: status.reason || (exitCode === 0 ? 'Completed' : 'Error'),
    ...(message ? { message } : {}),
  }
}

function milliseconds(nanoseconds: number): number {
  return Math.floor(nanoseconds / 1e6)
}

function isSame(known: PodEntry, listed: ListedPod): boolean {
  if (known.sandboxes.length !== listed.sandboxes.length || known.containers.length !== listed.containers.length) return false
  return (
    listed.sandboxes.every(({ id, ready }, at) => known.sandboxes[at]?.id === id && known.sandboxes[at].ready === ready) &&
    listed.containers.every(({ id, state }) => known.containers.find(({ criId }) => criId === id)?.view.state === stateName(state))
  )
}
