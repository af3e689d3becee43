/** RuntimeClasses (node.k8s.io/v1). */
import type { RuntimeClass } from '../../types/node-v1.js'
import { tolerationsFaults } from '../core/scheduling-rules.js'
import { sameJson } from '../../same-json.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { mustBeLabel, mustBeLabels } from '../names.js'
import { requirementsFaults } from '../resources.js'

function classFaults(faults: Faults, { handler = '', overhead, scheduling }: RuntimeClass): void {
  if (handler === '') faults.required('handler')
  else mustBeLabel(faults, 'handler', handler)
  if (overhead?.podFixed) requirementsFaults(faults, 'overhead', { limits: overhead.podFixed })
  if (!scheduling) return
  mustBeLabels(faults, 'scheduling.nodeSelector', scheduling.nodeSelector)
  const tolerations = scheduling.tolerations ?? []
  tolerationsFaults(faults, 'scheduling.tolerations', tolerations)
  for (const [i, one] of tolerations.entries())
    if (tolerations.findIndex((other) => sameJson(other, one)) < i) faults.duplicate(`scheduling.tolerations[${i}]`, one)
}

export const runtimeClassRules: KindRules<RuntimeClass> = {
  create: classFaults,
  update(faults, one, old) {
    if (one.handler !== old.handler) faults.invalid('handler', one.handler, immutable)
  },
}
