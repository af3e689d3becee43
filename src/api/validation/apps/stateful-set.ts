/** StatefulSets (apps/v1): most of what they are cannot change. */
import type { StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy } from '../../types/apps-v1.js'
import { notDecremented, notMoreThan, selectedTemplateFaults, statusNumbers, workloadWarnings } from '../core/workload-template.js'
import { ratchetOf } from '../core/pod-template.js'
import { sameJson } from '../../same-json.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { atMostAll, intOrPercentFaults, intOrPercentValue } from '../numbers.js'

const retentions = new Set(['Delete', 'Retain'])
/** What an update may change. */
const mutable = [
  ...(['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit'] as const),
  ...(['persistentVolumeClaimRetentionPolicy', 'minReadySeconds'] as const),
] as const

function statefulSetFaults(faults: Faults, { spec }: StatefulSet, old?: StatefulSet): void {
  const { podManagementPolicy, updateStrategy, persistentVolumeClaimRetentionPolicy: retention } = spec ?? {}
  if (!podManagementPolicy) faults.required('spec.podManagementPolicy')
  else if (podManagementPolicy !== 'OrderedReady' && podManagementPolicy !== 'Parallel')
    faults.invalid('spec.podManagementPolicy', podManagementPolicy, "must be 'OrderedReady' or 'Parallel'")
  updateStrategyFaults(faults, 'spec.updateStrategy', updateStrategy ?? {})
  for (const when of ['whenDeleted', 'whenScaled'] as const)
    if (retention && !retentions.has(retention[when] ?? ''))
      faults.notSupported(`spec.persistentVolumeClaimRetentionPolicy.${when}`, retention[when] ?? '', retentions)
  faults.nonNegative('spec.replicas', spec?.replicas)
  faults.nonNegative('spec.minReadySeconds', spec?.minReadySeconds)
  faults.nonNegative('spec.ordinals.start', spec?.ordinals?.start)
  faults.nonNegative('spec.revisionHistoryLimit', spec?.revisionHistoryLimit)
  selectedTemplateFaults(faults, 'spec', withClaims(spec), ratchetOf(old?.spec?.template?.spec))
}

/** The spec as its pods will be: each claim template is a volume of theirs. */
function withClaims(spec: StatefulSetSpec | undefined): Partial<StatefulSetSpec> {
  const claims = spec?.volumeClaimTemplates ?? []
  const pod = spec?.template.spec
  if (!spec || !pod || claims.length === 0) return spec ?? {}
  const own = new Set(claims.map(({ metadata }) => metadata?.name))
  const volumes = claims.map(({ metadata: { name = '' } = {} }) => ({ name, persistentVolumeClaim: { claimName: name } }))
  const others = (pod.volumes ?? []).filter(({ name }) => !own.has(name))
  return { ...spec, template: { ...spec.template, spec: { ...pod, volumes: [...others, ...volumes] } } }
}

function updateStrategyFaults(faults: Faults, path: string, { type, rollingUpdate }: StatefulSetUpdateStrategy): void {
  if (!type) faults.required(path)
  else if (type === 'OnDelete') {
    if (rollingUpdate) faults.invalid(`${path}.rollingUpdate`, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")
  } else if (type !== 'RollingUpdate') faults.invalid(path, type, "must be 'RollingUpdate' or 'OnDelete'")
  else if (rollingUpdate) {
    const { partition, maxUnavailable } = rollingUpdate
    faults.nonNegative(`${path}.rollingUpdate.partition`, partition)
    if (maxUnavailable === undefined) return
    const at = `${path}.rollingUpdate.maxUnavailable`
    intOrPercentFaults(faults, at, maxUnavailable)
    if (intOrPercentValue(maxUnavailable) === 0) faults.invalid(at, maxUnavailable, 'cannot be 0')
    atMostAll(faults, at, maxUnavailable)
  }
}

function rest(spec: StatefulSetSpec | undefined): unknown {
  const copy: Record<string, unknown> = { ...spec }
  for (const name of mutable) delete copy[name]
  return copy
}

export const statefulSetRules: KindRules<StatefulSet> = {
  create: (faults, set) => statefulSetFaults(faults, set),
  update(faults, set, old) {
    statefulSetFaults(faults, set, old)
    if (!sameJson(rest(set.spec), rest(old.spec)))
      faults.forbidden(
        'spec',
        `updates to statefulset spec for fields other than ${mutable.map((name) => `'${name}'`).join(', ')} are forbidden`,
      )
  },
  status(faults, { status }, old) {
    const given = status ?? { replicas: 0 }
    statusNumbers(
      faults,
      given,
      'replicas',
      'readyReplicas',
      'currentReplicas',
      'updatedReplicas',
      'availableReplicas',
      'observedGeneration',
    )
    statusNumbers(faults, given, 'collisionCount')
    notMoreThan(faults, given, 'replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas')
    notMoreThan(faults, given, 'readyReplicas', 'availableReplicas')
    notDecremented(faults, 'status.collisionCount', given.collisionCount, old.status?.collisionCount)
  },
  warnings: workloadWarnings,
}
