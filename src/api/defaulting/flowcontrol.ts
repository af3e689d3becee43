/** Defaults of priority and fairness (flowcontrol.apiserver.k8s.io/v1). In place. */
import type { FlowSchema, PriorityLevelConfiguration } from '../types/flowcontrol-v1.js'
import { setDefault } from './set.js'

export function defaultFlowSchema({ spec }: FlowSchema): void {
  if (spec) setDefault(spec, 'matchingPrecedence', 1000)
}

export function defaultPriorityLevel({ spec }: PriorityLevelConfiguration): void {
  const { limited, exempt } = spec ?? {}
  if (exempt) {
    setDefault(exempt, 'nominalConcurrencyShares', 0)
    setDefault(exempt, 'lendablePercent', 0)
  }
  if (!limited) return
  setDefault(limited, 'nominalConcurrencyShares', 30)
  setDefault(limited, 'lendablePercent', 0)
  const queuing = limited.limitResponse?.queuing
  if (!queuing) return
  setDefault(queuing, 'queues', 64)
  setDefault(queuing, 'handSize', 8)
  setDefault(queuing, 'queueLengthLimit', 50)
}
