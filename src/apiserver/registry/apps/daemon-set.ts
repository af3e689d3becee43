import type { DaemonSet } from '../../../api/types/apps-v1.js'
import { sameJson } from '../../../api/same-json.js'
import type { Strategy } from '../strategy.js'

const annotation = 'deprecated.daemonset.template.generation'

/** DaemonSets: the template's own generation lives on as an annotation, for controllers of old that read it. */
export const daemonSetStrategy: Strategy<DaemonSet> = {
  resource: { group: 'apps', resource: 'daemonsets' },
  prepareForCreate(set) {
    setTemplateGeneration(set, 1)
  },
  prepareForUpdate(set, old) {
    const before = Number(old.metadata.annotations?.[annotation] ?? '1') || 1
    setTemplateGeneration(set, sameJson(set.spec?.template, old.spec?.template) ? before : before + 1)
  },
}

function setTemplateGeneration(set: DaemonSet, generation: number): void {
  set.metadata.annotations = { ...set.metadata.annotations, [annotation]: String(generation) }
}
