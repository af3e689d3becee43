/** Deployments (apps/v1). */
import type { Deployment, DeploymentStrategy } from '../../types/apps-v1.js'
import {
  immutableField,
  notDecremented,
  notMoreThan,
  selectedTemplateFaults,
  statusNumbers,
  workloadWarnings,
} from '../core/workload-template.js'
import { ratchetOf } from '../core/pod-template.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { atMostAll, intOrPercentFaults, intOrPercentValue } from '../numbers.js'

function deploymentFaults(faults: Faults, { spec }: Deployment, old?: Deployment): void {
  const { replicas, minReadySeconds = 0, revisionHistoryLimit, progressDeadlineSeconds, strategy } = spec ?? {}
  faults.nonNegative('spec.replicas', replicas)
  selectedTemplateFaults(faults, 'spec', spec ?? {}, ratchetOf(old?.spec?.template?.spec))
  strategyFaults(faults, 'spec.strategy', strategy ?? {})
  faults.nonNegative('spec.minReadySeconds', minReadySeconds)
  faults.nonNegative('spec.revisionHistoryLimit', revisionHistoryLimit)
  if (progressDeadlineSeconds === undefined) return
  faults.nonNegative('spec.progressDeadlineSeconds', progressDeadlineSeconds)
  if (progressDeadlineSeconds <= minReadySeconds)
    faults.invalid('spec.progressDeadlineSeconds', progressDeadlineSeconds, 'must be greater than minReadySeconds')
}

function strategyFaults(faults: Faults, path: string, { type, rollingUpdate }: DeploymentStrategy): void {
  if (type === 'Recreate') {
    if (rollingUpdate) faults.forbidden(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")
  } else if (type !== 'RollingUpdate') faults.notSupported(path, type ?? '', ['Recreate', 'RollingUpdate'])
  else if (!rollingUpdate) faults.required(`${path}.rollingUpdate`, 'this should be defaulted and never be nil')
  else {
    const { maxUnavailable, maxSurge } = rollingUpdate
    const at = `${path}.rollingUpdate`
    intOrPercentFaults(faults, `${at}.maxUnavailable`, maxUnavailable)
    intOrPercentFaults(faults, `${at}.maxSurge`, maxSurge)
    if (intOrPercentValue(maxUnavailable) === 0 && intOrPercentValue(maxSurge) === 0)
      faults.invalid(`${at}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0')
    atMostAll(faults, `${at}.maxUnavailable`, maxUnavailable)
  }
}

export const deploymentRules: KindRules<Deployment> = {
  create: (faults, deployment) => deploymentFaults(faults, deployment),
  update(faults, deployment, old) {
    deploymentFaults(faults, deployment, old)
    immutableField(faults, 'spec.selector', deployment.spec?.selector, old.spec?.selector)
  },
  status(faults, { status = {} }, old) {
    statusNumbers(
      faults,
      status,
      'observedGeneration',
      'replicas',
      'updatedReplicas',
      'readyReplicas',
      'availableReplicas',
      'unavailableReplicas',
    )
    statusNumbers(faults, status, 'terminatingReplicas', 'collisionCount')
    notMoreThan(faults, status, 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas')
    notMoreThan(faults, status, 'readyReplicas', 'availableReplicas')
    notDecremented(faults, 'status.collisionCount', status.collisionCount, old.status?.collisionCount)
  },
  warnings: workloadWarnings,
}
