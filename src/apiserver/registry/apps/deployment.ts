import type { Deployment } from '../../../api/types/apps-v1.js'
import { sameJson } from '../../../api/same-json.js'
import type { Strategy } from '../strategy.js'

export const deploymentStrategy: Strategy<Deployment> = {
  resource: { group: 'apps', resource: 'deployments' },
  // Annotations count: the controller copies them to the ReplicaSets, so it must observe their change.
  generation: (deployment, old) =>
    !sameJson(deployment.spec, old.spec) || !sameJson(deployment.metadata.annotations ?? {}, old.metadata.annotations ?? {}),
  prepareForStatusUpdate(deployment, old) {
    if (old.metadata.labels) deployment.metadata.labels = { ...old.metadata.labels }
    else delete deployment.metadata.labels
  },
}
