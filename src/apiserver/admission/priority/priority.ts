import type { Pod } from '../../../api/types/core-v1.js'
import type { PriorityClass } from '../../../api/types/scheduling-v1.js'
import { resources } from '../../../client/resources.js'
import { liveObject } from '../../live-objects.js'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.js'
import { type AdmissionDeps, on, refused, resourceText } from '../plugin.js'

type PreemptionPolicy = 'Never' | 'PreemptLowerPriority'

/** Turns priorityClassName into the number that the scheduler reads; only one class may be the default. */
export function priorityPlugin({ access }: AdmissionDeps): AdmissionPlugin {
  const classes = access.lister<PriorityClass>(resources.priorityClasses)
  const find = liveObject<PriorityClass>(access, resources.priorityClasses)
  const ofPods = on(['CREATE', 'UPDATE'], 'pods')
  const ofClasses = on(['CREATE', 'UPDATE'], 'priorityclasses.scheduling.k8s.io')

  /** Of several defaults (two servers may each have let one pass) the lowest counts. */
  const defaultClass = () =>
    classes
      .list()
      .filter((candidate) => candidate.globalDefault)
      .reduce<PriorityClass | undefined>(
        (lowest, candidate) => (lowest && (lowest.value ?? 0) <= (candidate.value ?? 0) ? lowest : candidate),
        undefined,
      )

  const apply = (request: AdmissionRequest, pod: Pod, named: PriorityClass | undefined) => {
    const spec = (pod.spec ??= { containers: [] })
    if (spec.priorityClassName && !named) throw refused(request, `no PriorityClass with name ${spec.priorityClassName} was found`)
    const found = named ?? defaultClass()
    const priority = found?.value ?? 0
    const policy: PreemptionPolicy = found?.preemptionPolicy ?? 'PreemptLowerPriority'
    if (spec.priority !== undefined && spec.priority !== priority)
      throw refused(
        request,
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
      )
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
      throw refused(
        request,
        `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
      )
    if (!spec.priorityClassName && found?.metadata.name) spec.priorityClassName = found.metadata.name
    spec.priority = priority
    spec.preemptionPolicy = policy
  }
  return {
    name: 'Priority',
    handles: (...of) => ofPods(...of) || ofClasses(...of),
    mutate(request) {
      if (resourceText(request.resource) !== 'pods') return undefined
      const pod = request.object as unknown as Pod
      if (request.operation === 'UPDATE') {
        // A client that leaves them out of a PUT does not mean to change them.
        const old = (request.oldObject as unknown as Pod).spec
        if (pod.spec && old?.priority !== undefined) pod.spec.priority ??= old.priority
        if (pod.spec && old?.preemptionPolicy !== undefined) pod.spec.preemptionPolicy ??= old.preemptionPolicy
        return undefined
      }
      const name = pod.spec?.priorityClassName
      const named = name ? find('', name) : undefined
      return named instanceof Promise ? named.then((found) => apply(request, pod, found)) : apply(request, pod, named)
    },
    validate(request) {
      if (resourceText(request.resource) === 'pods') return
      const candidate = request.object as unknown as PriorityClass
      const other = defaultClass()
      if (candidate.globalDefault && other && other.metadata.name !== candidate.metadata.name)
        throw refused(request, `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`)
    },
  }
}
