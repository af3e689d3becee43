/** Counts and times answers, under upstream's names and labels. */
import type { Clock } from '../base/clock.js'
import type { Counter, Histogram, Metrics } from '../base/metrics.js'
import type { ApiRequest, Responder } from './handler.js'
import { takeOverOf } from './http/take-over.js'
import type { RequestInfo } from './request-info.js'

const labels = ['component', 'dry_run', 'group', 'resource', 'scope', 'subresource', 'verb', 'version']
/** Bytes of answers: 1 kB to 1 GB by tens. */
const sizeBuckets = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]

/** Upstream counts by method where a verb writes. */
const verbs: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE' }

export class RequestMetrics {
  readonly #clock: Clock
  readonly #total: Counter
  readonly #durations: Histogram
  readonly #sizes: Histogram

  constructor(metrics: Metrics, clock: Clock) {
    this.#clock = clock
    this.#total = metrics.counter('apiserver_request_total', 'Answers by verb, resource and code.', ['code', ...labels])
    this.#durations = metrics.histogram('apiserver_request_duration_seconds', 'Seconds from request to answer.', labels)
    const sized = labels.filter((label) => label !== 'dry_run')
    this.#sizes = metrics.histogram('apiserver_response_sizes', 'Bytes of answers.', sized, sizeBuckets)
  }

  /** The responder, counting. `isServed`: of what is not served nothing is told apart, or anybody could make labels. */
  measured(request: ApiRequest, info: RequestInfo, responder: Responder, isServed: boolean): Responder {
    const startMs = this.#clock.monotonic()
    const answered = (status: number, bytes?: number) => {
      const values = labelsOf(request, info, isServed)
      this.#total.inc([String(status), ...values])
      if (info.verb !== 'watch') this.#durations.observe(values, (this.#clock.monotonic() - startMs) / 1000)
      if (bytes !== undefined) this.#sizes.observe([values[0] as string, ...values.slice(2)], bytes)
    }
    return {
      respond(status, headers, chunks) {
        answered(
          status,
          chunks.reduce((sum, chunk) => sum + chunk.length, 0),
        )
        responder.respond(status, headers, chunks)
      },
      stream(status, headers) {
        answered(status)
        return responder.stream(status, headers)
      },
      ...takeOverOf(responder, () => answered(101)),
    }
  }
}

function labelsOf({ method, query }: ApiRequest, info: RequestInfo, isServed: boolean): string[] {
  const verb = verbs[info.verb] ?? (info.isResource ? info.verb.toUpperCase() : method)
  if (!isServed) return ['apiserver', '', '', '', '', '', verb, '']
  const scope = info.name !== '' ? 'resource' : info.namespace !== '' ? 'namespace' : 'cluster'
  return ['apiserver', query.get('dryRun') ?? '', info.group, info.resource, scope, info.subresource, verb, info.version]
}
