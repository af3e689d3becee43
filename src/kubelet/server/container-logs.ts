/** GET /containerLogs/NAMESPACE/POD/CONTAINER */
import type { Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { LogOptions, Runtime } from '../runtime.js'
import type { PodRecord } from '../worker/pod-record.js'
import { replyText, type ServerReply, type ServerRequest } from './request.js'

export interface LogsDeps {
  readonly runtime: Runtime
  readonly clock: Clock
}

export async function serveContainerLogs(
  { runtime, clock }: LogsDeps,
  record: PodRecord,
  container: string,
  request: ServerRequest,
  reply: ServerReply,
): Promise<void> {
  const { spec, metadata } = record.pod
  const known = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])]
  if (!known.some(({ name }) => name === container))
    return replyText(reply, 404, `container "${container}" not found in pod "${metadata.name}"\n`)
  let chunks: AsyncIterator<Uint8Array>
  let first: IteratorResult<Uint8Array>
  const follow = isTrue(request.query.get('follow'))
  try {
    const waiting = waitingText(record, container)
    if (waiting && !isTrue(request.query.get('previous'))) throw new Error(waiting)
    chunks = runtime.logs(record.uid, container, optionsOf(request, clock.now()))[Symbol.asyncIterator]()
    // A follower gets its headers before its first line; everybody else may still get an error.
    first = follow ? { done: false, value: new Uint8Array() } : await chunks.next()
  } catch (error) {
    return replyText(reply, 400, messageOf(error))
  }
  const sink = reply.stream(200, { 'content-type': 'text/plain' })
  sink.onClose(() => void chunks.return?.())
  for (let next = first; !next.done; next = await chunks.next()) if (next.value.length > 0 && !sink.write(next.value)) await sink.drained()
  sink.end()
}

/** Why a container has no log yet; undefined when it was started at least once. */
function waitingText({ status, apiPod, pod }: PodRecord, container: string): string | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? apiPod?.status ?? {}
  const found = [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container)
  const reason = found?.state?.waiting?.reason
  if (!reason || found.lastState?.terminated || found.containerID) return undefined
  const why =
    reason === 'ErrImagePull' ? "image can't be pulled" : reason === 'ImagePullBackOff' ? 'trying and failing to pull image' : reason
  return `container "${container}" in pod "${pod.metadata.name}" is waiting to start: ${why}`
}

function optionsOf({ query, signal }: ServerRequest, nowMs: number): LogOptions {
  const number = (name: string) => (query.get(name) ? Number(query.get(name)) : undefined)
  const [tailLines, limitBytes, sinceSeconds] = [number('tailLines'), number('limitBytes'), number('sinceSeconds')]
  const sinceTime = query.get('sinceTime')
  const sinceMs = sinceSeconds !== undefined ? nowMs - sinceSeconds * 1000 : sinceTime ? Date.parse(sinceTime) : undefined
  return {
    ...{
      follow: isTrue(query.get('follow')),
      previous: isTrue(query.get('previous')),
      timestamps: isTrue(query.get('timestamps')),
      signal,
    },
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    stream: (query.get('stream') as LogOptions['stream'] | null) ?? 'All',
  }
}

export function isTrue(value: string | null): boolean {
  return value === 'true' || value === '1'
}
