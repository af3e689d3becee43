/** DaemonSets (apps/v1). */
import type { DaemonSet, DaemonSetUpdateStrategy } from '../../types/apps-v1.js'
import {
  immutableField,
  longRunningTemplateFaults,
  matchFaults,
  notDecremented,
  statusNumbers,
  workloadWarnings,
} from '../core/workload-template.js'
import { ratchetOf } from '../core/pod-template.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { atMostAll, intOrPercentFaults, intOrPercentValue } from '../numbers.js'
import { isEmptySelector, labelSelectorFaults } from '../selectors.js'

function daemonSetFaults(faults: Faults, { spec }: DaemonSet, old?: DaemonSet): void {
  const { selector, template, minReadySeconds, revisionHistoryLimit, updateStrategy } = spec ?? {}
  labelSelectorFaults(faults, 'spec.selector', selector)
  // Without a selector nothing matches.
  if (!selector || !isEmptySelector(selector)) matchFaults(faults, 'spec.template', selector, template)
  else faults.invalid('spec.selector', selector, 'empty selector is invalid for daemonset')
  longRunningTemplateFaults(faults, 'spec.template', template, ratchetOf(old?.spec?.template?.spec))
  faults.nonNegative('spec.minReadySeconds', minReadySeconds)
  updateStrategyFaults(faults, 'spec.updateStrategy', updateStrategy ?? {})
  faults.nonNegative('spec.revisionHistoryLimit', revisionHistoryLimit)
}

function updateStrategyFaults(faults: Faults, path: string, { type, rollingUpdate }: DaemonSetUpdateStrategy): void {
  if (type === 'OnDelete') return
  if (type !== 'RollingUpdate') return faults.notSupported(path, type ?? '', ['OnDelete', 'RollingUpdate'])
  if (!rollingUpdate) return faults.required(`${path}.rollingUpdate`)
  const { maxUnavailable, maxSurge } = rollingUpdate
  const at = `${path}.rollingUpdate`
  intOrPercentFaults(faults, `${at}.maxUnavailable`, maxUnavailable)
  intOrPercentFaults(faults, `${at}.maxSurge`, maxSurge)
  const [unavailable, surge] = [intOrPercentValue(maxUnavailable) !== 0, intOrPercentValue(maxSurge) !== 0]
  if (unavailable && surge) faults.invalid(`${at}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero')
  if (!unavailable && !surge) faults.required(`${at}.maxUnavailable`, 'cannot be 0 when maxSurge is 0')
  atMostAll(faults, `${at}.maxUnavailable`, maxUnavailable)
  atMostAll(faults, `${at}.maxSurge`, maxSurge)
}

export const daemonSetRules: KindRules<DaemonSet> = {
  create: (faults, set) => daemonSetFaults(faults, set),
  update(faults, set, old) {
    daemonSetFaults(faults, set, old)
    immutableField(faults, 'spec.selector', set.spec?.selector, old.spec?.selector)
  },
  status(faults, { status }, old) {
    const given = status ?? { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 }
    statusNumbers(
      faults,
      given,
      'currentNumberScheduled',
      'numberMisscheduled',
      'desiredNumberScheduled',
      'numberReady',
      'observedGeneration',
    )
    statusNumbers(faults, given, 'updatedNumberScheduled', 'numberAvailable', 'numberUnavailable', 'collisionCount')
    notDecremented(faults, 'status.collisionCount', given.collisionCount, old.status?.collisionCount)
  },
  warnings: workloadWarnings,
}
