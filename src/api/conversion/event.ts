import type { UnknownObject } from '../object.js'

/** core/v1 name → events.k8s.io/v1 name of the same member. */
const renamed: readonly (readonly [core: string, events: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
]

export function eventFromCore(event: UnknownObject): UnknownObject {
  const converted = rename(event, 'events.k8s.io/v1', 0, 1)
  // The newer form leaves out what the older one prints empty.
  for (const name of ['reportingController', 'reportingInstance']) if (converted[name] === '') delete converted[name]
  return converted
}

export function eventToCore(event: UnknownObject): UnknownObject {
  return rename(event, 'v1', 1, 0)
}

function rename({ kind, apiVersion: _, metadata, ...members }: UnknownObject, apiVersion: string, from: 0 | 1, to: 0 | 1): UnknownObject {
  const result: UnknownObject = { kind, apiVersion, metadata }
  for (const [name, value] of Object.entries(members)) {
    const pair = renamed.find((each) => each[from] === name)
    result[pair ? pair[to] : name] = value
  }
  return result
}
