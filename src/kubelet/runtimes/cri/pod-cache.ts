import type { RuntimeContainer, RuntimePod } from '../../runtime.js'
import { type CriContainer, containerState, type PodSandbox, sandboxState } from './api/types.js'
import { label } from './names.js'

/**
 * What is known of the pods in the runtime: sandboxes and attempts of containers, by pod. Filled from lists that are polled and from the
 * answers to what was done here. Guarantees: a container never goes back to an earlier state; a list that was asked for before a change
 * that was made here does not undo it. Pure.
 */
export interface SandboxEntry {
  readonly id: string
  readonly ready: boolean
  readonly attempt: number
  readonly createdAt: number
}

export interface ContainerEntry {
  readonly criId: string
  readonly sandboxId: string
  readonly logPath: string
  readonly view: RuntimeContainer
}

export interface PodEntry {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  ips: readonly string[]
  /** Newest first. */
  sandboxes: readonly SandboxEntry[]
  /** Oldest attempt first. */
  containers: readonly ContainerEntry[]
  /** When it was last changed from here, in this cache's own count. */
  changedAt: number
  view: RuntimePod
}

export interface ListedPod {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly sandboxes: readonly SandboxEntry[]
  readonly containers: readonly CriContainer[]
}

const ranks = { created: 0, running: 1, exited: 2 } as const

export class PodCache {
  readonly #pods = new Map<string, PodEntry>()
  /** Pods that are being made or removed: lists say nothing of them. */
  readonly #held = new Set<string>()
  #count = 0

  get(uid: string): PodEntry | undefined {
    return this.#pods.get(uid)
  }

  values(): IterableIterator<PodEntry> {
    return this.#pods.values()
  }

  /** To compare with `changedAt`. */
  get now(): number {
    return this.#count
  }

  hold(uid: string): () => void {
    this.#held.add(uid)
    return () => {
      this.#held.delete(uid)
      const entry = this.#pods.get(uid)
      if (entry) entry.changedAt = ++this.#count
    }
  }

  /** Whether a list that was asked for at `since` may be believed of this pod. */
  believes(uid: string, since: number): boolean {
    return !this.#held.has(uid) && (this.#pods.get(uid)?.changedAt ?? 0) <= since
  }

  make({ uid, namespace, name }: Pick<PodEntry, 'uid' | 'namespace' | 'name'>): PodEntry {
    const known = this.#pods.get(uid)
    if (known) return known
    const view: RuntimePod = { uid, namespace, name, ips: [], containers: [] }
    const entry: PodEntry = { uid, namespace, name, ips: [], sandboxes: [], containers: [], changedAt: ++this.#count, view }
    this.#pods.set(uid, entry)
    return entry
  }

  delete(uid: string): void {
    this.#pods.delete(uid)
  }

  /** Called after every change: shows it. `own`: it was made here, and is newer than lists under way. */
  show(entry: PodEntry, own = true): void {
    if (own) entry.changedAt = ++this.#count
    const current = entry.sandboxes[0]
    const lost = !current?.ready
    const kept = lastTwo(entry.containers)
    entry.view = {
      ...{ uid: entry.uid, namespace: entry.namespace, name: entry.name, ips: entry.ips },
      ...(lost ? { sandboxLost: true } : {}),
      containers: kept.map(({ view, sandboxId }) => (sandboxId === current?.id ? view : { ...view, earlierSandbox: true })),
    }
  }

  /** Takes the state of a container; false when it says nothing new. */
  put(entry: PodEntry, next: ContainerEntry): boolean {
    const at = entry.containers.findIndex(({ criId }) => criId === next.criId)
    const known = entry.containers[at]
    if (known && ranks[known.view.state] > ranks[next.view.state]) return false
    const others = entry.containers.filter(({ criId }) => criId !== next.criId)
    entry.containers = [...others, next].sort((a, b) => a.view.attempt - b.view.attempt)
    return true
  }
}

/** The current and the previous attempt of each container. */
function lastTwo(containers: readonly ContainerEntry[]): ContainerEntry[] {
  const newer = new Map<string, number>()
  return [...containers]
    .reverse()
    .filter(({ view }) => {
      const count = newer.get(view.name) ?? 0
      newer.set(view.name, count + 1)
      return count < 2
    })
    .reverse()
}

/** Attempts of which nothing is asked any more: all but the last two of each container that have ended. */
export function outdated(containers: readonly ContainerEntry[], name: string): ContainerEntry[] {
  const kept = new Set(lastTwo(containers))
  return containers.filter((entry) => entry.view.name === name && !kept.has(entry) && entry.view.state === 'exited')
}

/** Puts the runtime's lists together by pod. What was not made by a kubelet has no labels, and is nobody's. */
export function listedPods(sandboxes: readonly PodSandbox[], containers: readonly CriContainer[]): Map<string, ListedPod> {
  const pods = new Map<string, { uid: string; namespace: string; name: string; sandboxes: SandboxEntry[]; containers: CriContainer[] }>()
  const of = (labels: Readonly<Record<string, string>> = {}) => {
    const uid = labels[label.podUid]
    if (uid === undefined) return undefined
    const known = pods.get(uid)
    if (known) return known
    const made = { uid, namespace: labels[label.podNamespace] ?? '', name: labels[label.podName] ?? '', sandboxes: [], containers: [] }
    pods.set(uid, made)
    return made
  }
  for (const sandbox of sandboxes) of(sandbox.labels)?.sandboxes.push(sandboxEntry(sandbox))
  for (const container of containers) of(container.labels)?.containers.push(container)
  for (const pod of pods.values()) pod.sandboxes.sort((a, b) => b.createdAt - a.createdAt)
  return pods
}

export function sandboxEntry({ id, state = sandboxState.ready, metadata, createdAt = 0 }: PodSandbox): SandboxEntry {
  return { id, ready: state === sandboxState.ready, attempt: metadata?.attempt ?? 0, createdAt }
}

export function stateName(state: number | undefined): RuntimeContainer['state'] {
  if (state === containerState.running) return 'running'
  // What the runtime does not know of any more has ended.
  return state === undefined || state === containerState.created ? 'created' : 'exited'
}
