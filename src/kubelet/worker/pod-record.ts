import type { Node, Pod, PodStatus } from '../../api/types/core-v1.js'
import type { NodeUsage } from '../pods/node-usage.js'
import type { RestartBackoff } from '../pods/restart-backoff.js'
import type { Verdict } from '../pods/status.js'

/** A node as its pods see it. One a kubelet; a fleet has thousands. */
export interface PodHost {
  readonly name: string
  readonly hostIps: readonly string[]
  /** The Node as last seen; undefined before it is registered or while the API is away. */
  readonly node: Node | undefined
  readonly usage: NodeUsage
  /** Whether pods with an address of their own can be started yet. */
  readonly networkReady: boolean
  /** Whether events are written about its pods. */
  readonly tellsEvents: boolean
  /** Whether its pods wait for the ConfigMaps and Secrets that they name. */
  readonly checksReferences: boolean
  /** What ran before this process took the node over has not survived. */
  readonly rebooted: boolean
}

/** A container that could not be started, and when to try again. */
export interface StartFailure {
  readonly reason: string
  readonly message: string
  readonly failures: number
  readonly failedAtMs: number
  readonly retryAtMs: number
  /** The second half of an image's back-off has been told. */
  told: boolean
}

/** All that is known of one pod. Mutable, owned by PodWorkers. */
export interface PodRecord {
  /** Of the pod as the runtime knows it: the API's uid, or the hash of a static pod's manifest. */
  readonly uid: string
  readonly host: PodHost
  readonly isStatic: boolean
  /** What is to run: the API's object, or the static pod of a manifest. */
  pod: Pod
  /** The object that carries the status: the pod itself, or the mirror of a static pod. */
  apiPod: Pod | undefined
  /** The status as last computed, until the API has it. */
  status: PodStatus | undefined
  backoff: RestartBackoff | undefined
  startFailures: Map<string, StartFailure> | undefined
  verdict: Verdict | undefined
  admitted: boolean
  adopted: boolean
  /** What its volumes need is there. */
  mounted: boolean
  /** No longer in the API, or its manifest is gone: end it and forget it. */
  gone: boolean
  /** Operations under way: container names, or the keys below. */
  busy: Set<string> | undefined
  /** Containers that were asked to end, and with how much time. */
  stopping: Map<string, number> | undefined
  /** The sandbox has been given back. */
  sandboxEnded: boolean
  /** Since when a status waits for company. */
  unwrittenSinceMs: number | undefined
  deleteSent: boolean
  /** When `sync` is wanted next. */
  dueMs: number
}

/** Keys of what is done for a pod as a whole; no container can have such a name. */
export const sandboxKey = '/sandbox'
export const mountKey = '/mount'
export const networkKey = '/network'

export function newRecord(uid: string, host: PodHost, pod: Pod, apiPod: Pod | undefined, isStatic: boolean): PodRecord {
  return {
    ...{ uid, host, pod, apiPod, isStatic },
    status: undefined,
    backoff: undefined,
    startFailures: undefined,
    verdict: undefined,
    admitted: false,
    adopted: false,
    mounted: false,
    gone: false,
    busy: undefined,
    stopping: undefined,
    sandboxEnded: false,
    unwrittenSinceMs: undefined,
    deleteSent: false,
    dueMs: Number.POSITIVE_INFINITY,
  }
}

/** Whether `a` is a later version of an object than `b` (KEP-5504: versions of one resource compare as numbers). */
export function isNewer(a: Pod, b: Pod): boolean {
  const [left = '', right = ''] = [a.metadata.resourceVersion, b.metadata.resourceVersion]
  return left.length === right.length ? left > right : left.length > right.length
}
