import { badRequest, conflict, type Fault, invalid } from '../../../api/status.js'
import type { UnknownObject } from '../../../api/object.js'
import { timestamp } from '../../../base/clock.js'
import type { Binding, Pod, PodCondition } from '../../../api/types/core-v1.js'
import type { StrategyContext } from '../strategy.js'

/** POST of a Binding: the scheduler's word where a pod runs. It holds for good, and only for a pod that may run. */
export function bindPod(pod: Pod, body: UnknownObject, { clock }: StrategyContext): void {
  const binding = body as unknown as Binding
  const name = pod.metadata.name ?? ''
  if (binding.metadata.name !== undefined && binding.metadata.name !== name)
    throw badRequest(`the name of the object (${binding.metadata.name}) does not match the name on the URL (${name})`)
  const faults = targetFaults(binding)
  if (faults.length > 0) throw invalid({ group: '', kind: 'Binding' }, name, faults)
  const refuse = (why: string) => conflict({ group: '', resource: 'pods/binding' }, name, why)
  const { uid, resourceVersion } = binding.metadata
  if (uid && uid !== pod.metadata.uid)
    throw refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`)
  if (resourceVersion && resourceVersion !== pod.metadata.resourceVersion) throw refuse('Precondition failed: the pod has changed')
  if (pod.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`)
  const spec = (pod.spec ??= { containers: [] })
  if (spec.nodeName) throw refuse(`pod ${name} is already assigned to node "${spec.nodeName}"`)
  if (spec.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`)

  spec.nodeName = binding.target.name ?? ''
  // The node's topology, which admission has put on the binding (KEP-4742); a label of the pod's own stays.
  if (binding.metadata.labels) pod.metadata.labels = { ...binding.metadata.labels, ...pod.metadata.labels }
  if (binding.metadata.annotations) pod.metadata.annotations = { ...pod.metadata.annotations, ...binding.metadata.annotations }
  const status = (pod.status ??= {})
  const others = (status.conditions ?? []).filter(({ type }) => type !== 'PodScheduled')
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: timestamp(clock.now()) }
  status.conditions = [...others, scheduled as unknown as PodCondition]
}

function targetFaults({ target }: Binding): Fault[] {
  const faults: Fault[] = []
  if (target?.kind && target.kind !== 'Node')
    faults.push({
      path: 'target.kind',
      reason: 'FieldValueNotSupported',
      value: target.kind,
      detail: 'supported values: "Node", "<empty>"',
    })
  if (!target?.name) faults.push({ path: 'target.name', reason: 'FieldValueRequired', detail: '' })
  return faults
}
