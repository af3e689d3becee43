import type { Clock } from '../../base/clock.js'
import type { EventRecorder } from '../../client/event-recorder.js'
import { TokenBucket, type TokenBucketOptions } from '../../client/token-bucket.js'
import type { Pod } from '../../api/types/core-v1.js'
import { configMirrorAnnotation } from '../../api/well-known.js'
import type { PodRecord } from './pod-record.js'

/** Reasons of the events that a kubelet writes about pods: upstream's (pkg/kubelet/events). */
export type PodEventReason =
  | 'Pulled'
  | 'Created'
  | 'Started'
  | 'Failed'
  | 'Killing'
  | 'BackOff'
  | 'Unhealthy'
  | 'FailedMount'
  | 'FailedCreatePodSandBox'
  | 'FailedKillPod'
  | 'NetworkNotReady'
  | 'DeadlineExceeded'
  // Why a pod was refused is its event's reason too.
  | (string & {})

const warnings = new Set([
  'Failed',
  'BackOff',
  'Unhealthy',
  'FailedMount',
  'FailedAttachVolume',
  'FailedCreatePodSandBox',
  'FailedKillPod',
  'NetworkNotReady',
])

/** eventRecordQPS and eventBurst. */
const kubeletAllowance: TokenBucketOptions = { perSecond: 50, burst: 100 }

/**
 * Events about pods, told to the recorder where the node tells any. What is beyond the allowance of the process is not told; bad
 * news has an allowance of its own.
 */
export class PodEvents {
  readonly #recorder: EventRecorder
  readonly #clock: Clock
  readonly #normal: TokenBucket
  readonly #warnings: TokenBucket

  constructor(recorder: EventRecorder, clock: Clock, allowance: TokenBucketOptions = kubeletAllowance) {
    this.#recorder = recorder
    this.#clock = clock
    this.#normal = new TokenBucket(allowance, clock.now())
    this.#warnings = new TokenBucket(allowance, clock.now())
  }

  tell(record: PodRecord, reason: PodEventReason, message: string, warning = warnings.has(reason)): void {
    if (!record.host.tellsEvents || !(warning ? this.#warnings : this.#normal).allow(this.#clock.now())) return
    this.#recorder.event(about(record), warning ? 'Warning' : 'Normal', reason, message)
  }
}

/** A static pod is known by its own uid, as its mirror's annotation has it: `kubectl describe` looks there. */
function about({ pod, uid, isStatic }: PodRecord): Pod {
  if (!isStatic) return { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata }
  const { [configMirrorAnnotation]: _, ...annotations } = pod.metadata.annotations ?? {}
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...pod.metadata, annotations, uid } }
}

/** "NAME_NAMESPACE(UID)", as messages name a pod. */
export function podText({ metadata }: Pod): string {
  return `${metadata.name}_${metadata.namespace}(${metadata.uid})`
}
