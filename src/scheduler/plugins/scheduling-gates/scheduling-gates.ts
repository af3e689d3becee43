import { hints, type Plugin } from '../../framework/plugin.js'
import { unresolvable } from '../../framework/status.js'

const name = 'SchedulingGates'

/** Keeps a pod out of the queue while it has scheduling gates (KEP-3521). */
export function schedulingGates(): Plugin {
  return {
    name,
    events: hints({ PodUpdate: (pod) => !pod.pod.spec?.schedulingGates?.length }),
    preEnqueue({ pod }) {
      const gates = pod.spec?.schedulingGates
      if (!gates?.length) return undefined
      return unresolvable(name, `waiting for scheduling gates: [${gates.map((gate) => gate.name).join(' ')}]`)
    },
  }
}
