/** Events, in their old form and in the new one (core/v1, events.k8s.io/v1): the new one is judged more strictly. */
import type { Event } from '../../types/core-v1.js'
import type { Event as NewEvent } from '../../types/events-v1.js'
import { sameJson } from '../../same-json.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { isQualifiedName, mustBeQualified, utf8Length } from '../names.js'

const instanceLengthMax = 128
const actionLengthMax = 128
const reasonLengthMax = 128
const noteLengthMax = 1024
const types = new Set(['Normal', 'Warning'])

interface Fields {
  readonly namespace: string
  readonly about: { readonly namespace?: string; readonly kind?: string }
  readonly aboutPath: string
  readonly controller: string
  readonly controllerPath: string
  readonly instance: string
  readonly action: string
  readonly reason: string
  readonly note: string
  readonly notePath: string
}

/** Events of cluster-scoped objects are in "default"; others beside their object. */
function placeFaults(faults: Faults, { namespace, about, aboutPath }: Fields, isNew: boolean): void {
  const path = `${aboutPath}.namespace`
  if (!about.namespace) {
    if (namespace !== '' && namespace !== 'default' && !(isNew && namespace === 'kube-system'))
      faults.invalid(path, about.namespace ?? '', 'does not match event.namespace')
  } else if (about.namespace !== namespace) faults.invalid(path, about.namespace, 'does not match event.namespace')
}

function newRules(faults: Faults, fields: Fields): void {
  const { controller, controllerPath, instance, action, reason, note, notePath } = fields
  if (controller === '') faults.required(controllerPath)
  if (!isQualifiedName(controller)) mustBeQualified(faults, controllerPath, controller)
  if (instance === '') faults.required('reportingInstance')
  if (utf8Length(instance) > instanceLengthMax)
    faults.invalid('reportingInstance', instance, `can have at most ${instanceLengthMax} characters`)
  if (action === '') faults.required('action')
  if (utf8Length(action) > actionLengthMax) faults.invalid('action', action, `can have at most ${actionLengthMax} characters`)
  if (reason === '') faults.required('reason')
  if (utf8Length(reason) > reasonLengthMax) faults.invalid('reason', reason, `can have at most ${reasonLengthMax} characters`)
  if (utf8Length(note) > noteLengthMax) faults.invalid(notePath, note, `can have at most ${noteLengthMax} characters`)
}

function coreFields(event: Event): Fields {
  const { metadata, involvedObject, reportingComponent, reportingInstance, action, reason, message } = event
  return {
    ...{ namespace: metadata.namespace ?? '', about: involvedObject ?? {}, aboutPath: 'involvedObject' },
    ...{ controller: reportingComponent ?? '', controllerPath: 'reportingComponent', instance: reportingInstance ?? '' },
    ...{ action: action ?? '', reason: reason ?? '', note: message ?? '', notePath: 'message' },
  }
}

function coreFaults(faults: Faults, event: Event): void {
  const fields = coreFields(event)
  placeFaults(faults, fields, Boolean(event.eventTime))
  if (event.eventTime) newRules(faults, fields)
}

export const eventRules: KindRules<Event> = { create: coreFaults, update: (faults, event) => coreFaults(faults, event) }

/** In the new form paths are still those of the old one's fields, as upstream judges the form in between. */
function newFields(event: NewEvent): Fields {
  const { metadata, regarding, reportingController, reportingInstance, action, reason, note } = event
  return {
    ...{ namespace: metadata.namespace ?? '', about: regarding ?? {}, aboutPath: 'involvedObject' },
    ...{ controller: reportingController ?? '', controllerPath: 'reportingController', instance: reportingInstance ?? '' },
    ...{ action: action ?? '', reason: reason ?? '', note: note ?? '', notePath: 'message' },
  }
}

function newFaults(faults: Faults, event: NewEvent): void {
  const fields = newFields(event)
  placeFaults(faults, fields, true)
  if (event.eventTime) newRules(faults, fields)
  else faults.required('eventTime')
  if (!types.has(event.type ?? '')) faults.invalid('type', event.type ?? '', "has invalid value: must be one of 'Normal', 'Warning'")
  if (event.deprecatedFirstTimestamp) faults.invalid('firstTimestamp', event.deprecatedFirstTimestamp, 'needs to be unset')
  if (event.deprecatedLastTimestamp) faults.invalid('lastTimestamp', event.deprecatedLastTimestamp, 'needs to be unset')
  if (event.deprecatedCount) faults.invalid('count', event.deprecatedCount, 'needs to be unset')
  if (event.deprecatedSource?.component || event.deprecatedSource?.host)
    faults.invalid('source', event.deprecatedSource, 'needs to be unset')
  if (!event.series) return
  if ((event.series.count ?? 0) < 2) faults.invalid('series.count', event.series.count ?? 0, 'should be at least 2')
  if (!event.series.lastObservedTime) faults.required('series.lastObservedTime')
}

const fixed: readonly (readonly [keyof NewEvent, string])[] = [
  ['regarding', 'involvedObject'],
  ['reason', 'reason'],
  ['note', 'message'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
  ['type', 'type'],
  ['eventTime', 'eventTime'],
  ['action', 'action'],
  ['related', 'related'],
  ['reportingController', 'reportingController'],
  ['reportingInstance', 'reportingInstance'],
]

export const newEventRules: KindRules<NewEvent> = {
  create: newFaults,
  update(faults, event, old) {
    newFaults(faults, event)
    for (const [member, path] of fixed) if (!sameJson(event[member], old[member])) faults.invalid(path, event[member] ?? null, immutable)
  },
}
