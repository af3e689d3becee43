/** Keeps pods in the zones and regions that the labels of their volumes name (volumes from before node affinity). */
import type { Node } from '../../../api/types/core-v1.js'
import { always, hints, type Plugin, skip } from '../../framework/plugin.js'
import { unresolvable } from '../../framework/status.js'
import { claimNames, type StorageListers } from '../volume-binding/claims.js'

const name = 'VolumeZone'
const elsewhere = unresolvable(name, 'node(s) had no available volume zone')

/** Label → its successor. */
const keys: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region': 'topology.kubernetes.io/region',
}

interface Place {
  readonly key: string
  readonly values: ReadonlySet<string>
}

export function volumeZone(storage: StorageListers): Plugin {
  return {
    name,
    events: hints({
      ...{ StorageObject: always, NodeAdd: always },
      NodeUpdate: (_, event) => event.kind === 'NodeUpdate' && event.changes.has('labels'),
    }),
    preFilter(pod, { nodes }) {
      const places = claimNames(pod).flatMap((claim): Place[] => {
        const volume = storage.claims.lister.get(`${pod.namespace}/${claim}`)?.spec?.volumeName
        const labels = volume ? storage.volumes.lister.get(volume)?.metadata.labels : undefined
        return Object.keys(keys).flatMap((key) => {
          const value = labels?.[key]
          // Several zones are written as "a__b".
          return value === undefined ? [] : [{ key, values: new Set(value.split('__')) }]
        })
      })
      if (places.length === 0) return skip
      return { filter: (set) => set.keep((slot) => (isThere(nodes.nodes[slot] as Node, places) ? undefined : elsewhere)) }
    },
  }
}

/** A node that says nothing of zones is taken as a cluster without them. */
function isThere({ metadata: { labels = {} } }: Node, places: readonly Place[]): boolean {
  if (!Object.keys(keys).some((key) => labels[key] !== undefined)) return true
  return places.every(({ key, values }) => {
    const value = labels[key] ?? labels[keys[key] as string]
    return value !== undefined && values.has(value)
  })
}
