import type { EventRecorder } from '../../client/event-recorder.js'
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
  | 'OutOfcpu'

const warnings = new Set(['Failed', 'BackOff', 'Unhealthy', 'FailedMount', 'FailedCreatePodSandBox', 'FailedKillPod', 'NetworkNotReady'])

/** Events about pods, told to the recorder where the node tells any. */
export class PodEvents {
  readonly #recorder: EventRecorder

  constructor(recorder: EventRecorder) {
    this.#recorder = recorder
  }

  tell(record: PodRecord, reason: PodEventReason | (string & {}), message: string, warning = warnings.has(reason)): void {
    if (record.host.tellsEvents) this.#recorder.event(about(record), warning ? 'Warning' : 'Normal', reason, message)
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
