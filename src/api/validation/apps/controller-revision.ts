/** ControllerRevisions (apps/v1): what a set was once. */
import type { ControllerRevision } from '../../types/apps-v1.js'
import { immutableField } from '../core/workload-template.js'
import type { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'

function revisionFaults(faults: Faults, { data, revision }: ControllerRevision): void {
  faults.nonNegative('revision', revision)
  if (data === undefined || data === null) faults.required('data', 'data is mandatory')
  else if (typeof data !== 'object') faults.invalid('data', data, 'must be a valid JSON object')
}

export const controllerRevisionRules: KindRules<ControllerRevision> = {
  create: revisionFaults,
  update(faults, revision, old) {
    revisionFaults(faults, revision)
    immutableField(faults, 'data', revision.data, old.data)
  },
}
