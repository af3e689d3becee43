import type { Fault } from '../../api/status.js'
import { invalid } from '../../api/status.js'

/** PodLogOptions that the kubelet is told, with the least value of those that are numbers. */
const numbers: Readonly<Record<string, number>> = { sinceSeconds: 1, tailLines: 0, limitBytes: 1 }
const flags = ['follow', 'previous', 'timestamps'] as const
const streams = ['All', 'Stdout', 'Stderr'] as const

/** The kubelet's query ('' or "?...") for the options of a log request. Throws Invalid with every option that is wrong. */
export function logQuery(pod: string, query: URLSearchParams): string {
  const faults: Fault[] = []
  const sent = new URLSearchParams()
  for (const name of flags) {
    const value = query.get(name)
    if (value === 'true' || value === '1' || value === '') sent.set(name, 'true')
  }
  for (const [name, least] of Object.entries(numbers)) {
    const text = query.get(name)
    if (text === null || text === '') continue
    const value = Number(text)
    if (!Number.isInteger(value) || value < least)
      faults.push({ path: name, reason: 'FieldValueInvalid', value: text, detail: `must be greater than or equal to ${least}` })
    else sent.set(name, text)
  }
  const sinceTime = query.get('sinceTime')
  if (sinceTime) {
    if (query.get('sinceSeconds'))
      faults.push({ path: '', reason: 'FieldValueForbidden', detail: 'at most one of `sinceTime` or `sinceSeconds` may be specified' })
    if (Number.isNaN(Date.parse(sinceTime)))
      faults.push({ path: 'sinceTime', reason: 'FieldValueInvalid', value: sinceTime, detail: 'must be a time as of RFC 3339' })
    else sent.set('sinceTime', sinceTime)
  }
  const stream = query.get('stream')
  if (stream) {
    if (!streams.some((known) => known === stream))
      faults.push({
        path: 'stream',
        reason: 'FieldValueNotSupported',
        value: stream,
        detail: `supported values: ${streams.map((known) => JSON.stringify(known)).join(', ')}`,
      })
    // KEP-3288: lines are counted over both streams.
    else if (stream !== 'All' && query.get('tailLines'))
      faults.push({ path: '', reason: 'FieldValueForbidden', detail: '`tailLines` and specific `stream` are mutually exclusive' })
    else sent.set('stream', stream)
  }
  if (faults.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, pod, faults)
  return sent.size > 0 ? `?${sent.toString()}` : ''
}
