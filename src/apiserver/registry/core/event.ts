import type { Event } from '../../../api/types/core-v1.js'
import type { Event as EventOfEvents } from '../../../api/types/events-v1.js'
import type { Strategy } from '../strategy.js'

/** Names of the newer form, by which the same objects are selected through events.k8s.io/v1. */
const newNames: Readonly<Record<string, (event: Event) => string>> = {
  'regarding.kind': ({ involvedObject }) => involvedObject?.kind ?? '',
  'regarding.namespace': ({ involvedObject }) => involvedObject?.namespace ?? '',
  'regarding.name': ({ involvedObject }) => involvedObject?.name ?? '',
  'regarding.uid': ({ involvedObject }) => involvedObject?.uid ?? '',
  'regarding.apiVersion': ({ involvedObject }) => involvedObject?.apiVersion ?? '',
  'regarding.resourceVersion': ({ involvedObject }) => involvedObject?.resourceVersion ?? '',
  'regarding.fieldPath': ({ involvedObject }) => involvedObject?.fieldPath ?? '',
  reportingController: (event) => event.reportingComponent ?? '',
}

/** Events, seen through core/v1: they end by themselves after --event-ttl. */
export function eventStrategy(ttlSeconds: number): Strategy<Event> {
  return {
    resource: { group: '', resource: 'events' },
    generation: 'none',
    allowCreateOnUpdate: true,
    ttlSeconds: () => ttlSeconds,
    selectableFields: {
      'involvedObject.kind': (event) => event.involvedObject?.kind ?? '',
      'involvedObject.namespace': (event) => event.involvedObject?.namespace ?? '',
      'involvedObject.name': (event) => event.involvedObject?.name ?? '',
      'involvedObject.uid': (event) => event.involvedObject?.uid ?? '',
      'involvedObject.apiVersion': (event) => event.involvedObject?.apiVersion ?? '',
      'involvedObject.resourceVersion': (event) => event.involvedObject?.resourceVersion ?? '',
      'involvedObject.fieldPath': (event) => event.involvedObject?.fieldPath ?? '',
      reason: (event) => event.reason ?? '',
      reportingComponent: (event) => event.reportingComponent ?? '',
      source: (event) => event.source?.component || (event.reportingComponent ?? ''),
      type: (event) => event.type ?? '',
      ...newNames,
    },
  }
}

/** The same objects through events.k8s.io/v1, where the fields have other names. */
export function eventsEventStrategy(ttlSeconds: number): Strategy<EventOfEvents> {
  return {
    resource: { group: 'events.k8s.io', resource: 'events' },
    generation: 'none',
    allowCreateOnUpdate: true,
    ttlSeconds: () => ttlSeconds,
    selectableFields: {
      'regarding.kind': (event) => event.regarding?.kind ?? '',
      'regarding.namespace': (event) => event.regarding?.namespace ?? '',
      'regarding.name': (event) => event.regarding?.name ?? '',
      'regarding.uid': (event) => event.regarding?.uid ?? '',
      'regarding.apiVersion': (event) => event.regarding?.apiVersion ?? '',
      'regarding.resourceVersion': (event) => event.regarding?.resourceVersion ?? '',
      'regarding.fieldPath': (event) => event.regarding?.fieldPath ?? '',
      reason: (event) => event.reason ?? '',
      reportingController: (event) => event.reportingController ?? '',
      type: (event) => event.type ?? '',
    },
  }
}
