/** Metrics that every component has, by upstream's names: its build, its process, its requests, its work queues. */
import type { Clock } from '../../../base/clock.js'
import { type Counter, type Histogram, Metrics } from '../../../base/metrics.js'
import type { Transport, TransportRequest } from '../../../client/client.js'
import type { QueueObserver } from '../../../client/work-queue/work-queue.js'
import { gitVersion, platformName } from '../../version.js'

export function componentMetrics(): Metrics {
  const metrics = new Metrics()
  const build = ['build_date', 'compiler', 'git_commit', 'git_tree_state', 'git_version', 'go_version', 'major', 'minor', 'platform']
  const [major = '', minor = ''] = gitVersion.slice(1).split('.')
  metrics
    .gauge('kubernetes_build_info', 'Build of this component, always 1.', build)
    .set(['', `node ${process.version}`, '', '', gitVersion, '', major, minor, platformName], 1)
  const startedSeconds = Date.now() / 1000 - process.uptime()
  metrics.gaugeOf('process_start_time_seconds', 'When the process started, in seconds since 1970.', [], () => [[[], startedSeconds]])
  metrics.gaugeOf('process_resident_memory_bytes', 'Memory of the process.', [], () => [[[], process.memoryUsage.rss()]])
  metrics.gaugeOf('process_cpu_seconds_total', 'CPU time of the process.', [], () => {
    const { user, system } = process.cpuUsage()
    return [[[], (user + system) / 1e6]]
  })
  return metrics
}

/** Seconds of requests to the API server (client-go's buckets). */
const requestBuckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]

/** Counts what goes over a transport. Made once for all transports of a component. */
export function requestMetrics(metrics: Metrics, clock: Clock): (transport: Transport, host: string) => Transport {
  const total = metrics.counter('rest_client_requests_total', 'Requests to the API server by code.', ['code', 'host', 'method'])
  const duration = metrics.histogram(
    'rest_client_request_duration_seconds',
    'How long requests to the API server took.',
    ['host', 'verb'],
    requestBuckets,
  )
  return (transport, host) => {
    const observed = async <R extends { readonly status: number }>(request: TransportRequest, answer: Promise<R>): Promise<R> => {
      const from = clock.monotonic()
      try {
        const result = await answer
        total.inc([String(result.status), host, request.method])
        return result
      } catch (error) {
        // client-go's word for no answer at all.
        total.inc(['<error>', host, request.method])
        throw error
      } finally {
        duration.observe([host, request.method], (clock.monotonic() - from) / 1000)
      }
    }
    return {
      request: (request) => observed(request, transport.request(request)),
      stream: (request) => observed(request, transport.stream(request)),
      close: () => transport.close(),
    }
  }
}

/** From 10 ns to 1000 s by tens, as client-go has them; what is below a millisecond cannot be told apart here anyway. */
const queueBuckets = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000]

interface QueueFamilies {
  readonly depth: Counter
  readonly adds: Counter
  readonly retries: Counter
  readonly waited: Histogram
  readonly worked: Histogram
}

/** Metrics of work queues by the controller's name. */
export function queueMetrics(metrics: Metrics, clock: Clock) {
  const labels = ['name']
  const queues = new Map<string, { working(): Iterable<number> }>()
  const families: QueueFamilies = {
    depth: metrics.gauge('workqueue_depth', 'Keys that wait to be worked on.', labels),
    adds: metrics.counter('workqueue_adds_total', 'Keys that were added.', labels),
    retries: metrics.counter('workqueue_retries_total', 'Keys that were added again after a failure.', labels),
    waited: metrics.histogram('workqueue_queue_duration_seconds', 'How long keys waited.', labels, queueBuckets),
    worked: metrics.histogram('workqueue_work_duration_seconds', 'How long keys were worked on.', labels, queueBuckets),
  }
  const overQueues = (measure: (seconds: readonly number[]) => number) => () => {
    const nowMs = clock.monotonic()
    return [...queues].map(([name, queue]) => {
      const seconds = [...queue.working()].map((sinceMs) => (nowMs - sinceMs) / 1000)
      return [[name], measure(seconds)] as const
    })
  }
  metrics.gaugeOf(
    'workqueue_unfinished_work_seconds',
    'Seconds of work on keys that are worked on now.',
    labels,
    overQueues((seconds) => seconds.reduce((sum, each) => sum + each, 0)),
  )
  metrics.gaugeOf(
    'workqueue_longest_running_processor_seconds',
    'How long the longest work has been going on.',
    labels,
    overQueues((seconds) => seconds.reduce((most, each) => Math.max(most, each), 0)),
  )
  return (name: string, queue: { working(): Iterable<number> }): QueueObserver => {
    queues.set(name, queue)
    return observerOf(families, [name])
  }
}

function observerOf({ depth, adds, retries, waited, worked }: QueueFamilies, name: readonly string[]): QueueObserver {
  depth.set(name, 0)
  adds.inc(name, 0)
  return {
    added(size) {
      adds.inc(name)
      depth.set(name, size)
    },
    taken(waitedMs, size) {
      waited.observe(name, waitedMs / 1000)
      depth.set(name, size)
    },
    done: (workedMs) => worked.observe(name, workedMs / 1000),
    retried: () => retries.inc(name),
  }
}
