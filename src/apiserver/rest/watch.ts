/** WATCH: changes as they come (API concepts: efficient detection of changes). */
import { StatusError } from '../../api/status.js'
import { invalidQuery } from './queries.js'
import { isTrue } from '../request-info.js'
import type { RestDeps, RestRequest } from './context.js'
import { watchForm } from './watch-forms.js'
import { contentTypes } from './encode.js'
import { type Encoding, negotiate } from './negotiation.js'
import { filterOf, revisionOf, wholeNumber } from './read.js'
import { withWarnings } from './respond.js'

/** A watch without a time limit ends after 30 to 60 minutes, so that load spreads anew over the servers. */
const timeoutSecondsMin = 1800

export async function watchObjects(rest: RestRequest, deps: RestDeps): Promise<void> {
  const { served, request, responder, warnings } = rest
  const { cacher } = served.stored
  const { query } = request
  const accepted = negotiate(request.credentials.header('accept'), { custom: served.info.typeId === 'custom' })
  const filter = filterOf(served, rest)
  const asked = revisionOf(query.get('resourceVersion'))
  const sendInitialEvents = isTrue(query.get('sendInitialEvents'))
  const bookmarks = isTrue(query.get('allowWatchBookmarks'))
  assertInitialEvents(query)
  if (asked === undefined && (sendInitialEvents || !query.has('resourceVersion'))) await cacher.fresh()
  else if (asked === undefined || asked === 0) await cacher.ready()
  else await cacher.reach(asked)
  const startsWithState = sendInitialEvents || asked === undefined || asked === 0
  const seconds = wholeNumber(query, 'timeoutSeconds') || timeoutSecondsMin * (1 + deps.random.next())
  const form = watchForm(served, accepted, request, () => deps.clock.now())
  const sink = responder.stream(
    200,
    withWarnings({ 'content-type': contentType(accepted.encoding), 'cache-control': 'no-cache, private' }, warnings),
  )
  const cancel = deps.clock.timer(seconds * 1000, () => sink.end())
  sink.onClose(cancel)
  try {
    cacher.watch(
      { sink, filter, form, bookmarks: bookmarks || sendInitialEvents },
      startsWithState ? { initialEnd: sendInitialEvents } : { from: asked },
    )
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    // A watch that has been accepted fails by an event, not by its status.
    sink.write(form.error(error.status))
    sink.end()
  }
}

function contentType(encoding: Encoding): string {
  return encoding === 'json' ? contentTypes.json : `${contentTypes[encoding]};stream=watch`
}

/** KEP-3157: sendInitialEvents and resourceVersionMatch=NotOlderThan come together. */
function assertInitialEvents(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch') ?? ''
  const given = query.has('sendInitialEvents')
  if (!given && match !== '') throw forbiddenMatch('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided')
  if (given && match !== 'NotOlderThan') throw forbiddenMatch('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')
}

function forbiddenMatch(detail: string): StatusError {
  return invalidQuery('ListOptions', { path: 'resourceVersionMatch', reason: 'FieldValueForbidden', detail })
}
