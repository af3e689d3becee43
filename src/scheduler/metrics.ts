import type { Counter, Histogram, Metrics } from '../base/metrics.js'

/** Upstream's metrics of the scheduler, by upstream's names. */
export interface SchedulerMetrics {
  readonly attempts: Counter
  readonly attemptSeconds: Histogram
  readonly algorithmSeconds: Histogram
  readonly incomingPods: Counter
  readonly attemptsPerPod: Histogram
  readonly sliSeconds: Histogram
  readonly preemptionAttempts: Counter
  readonly preemptionVictims: Histogram
}

const exponential = (start: number, factor: number, count: number) => Array.from({ length: count }, (_, i) => start * factor ** i)
const milliseconds = exponential(0.001, 2, 15)

export function schedulerMetrics(metrics: Metrics): SchedulerMetrics {
  return {
    attempts: metrics.counter(
      'scheduler_schedule_attempts_total',
      "Number of attempts to schedule pods, by the result. 'unschedulable' means a pod could not be scheduled, 'error' that something failed.",
      ['profile', 'result'],
    ),
    attemptSeconds: metrics.histogram(
      'scheduler_scheduling_attempt_duration_seconds',
      'How long an attempt took: scheduling and binding.',
      ['profile', 'result'],
      milliseconds,
    ),
    algorithmSeconds: metrics.histogram(
      'scheduler_scheduling_algorithm_duration_seconds',
      'How long finding a node took.',
      [],
      exponential(0.00001, 2, 18),
    ),
    incomingPods: metrics.counter('scheduler_queue_incoming_pods_total', 'Number of pods added to scheduling queues, by event and queue.', [
      'queue',
      'event',
    ]),
    attemptsPerPod: metrics.histogram(
      'scheduler_pod_scheduling_attempts',
      'Number of attempts until a pod was scheduled.',
      [],
      [1, 2, 4, 8, 16],
    ),
    sliSeconds: metrics.histogram(
      'scheduler_pod_scheduling_sli_duration_seconds',
      'How long a pod waited from its entry into the queue until it was scheduled.',
      ['attempts'],
      exponential(0.01, 2, 20),
    ),
    preemptionAttempts: metrics.counter('scheduler_preemption_attempts_total', 'Number of preemptions so far.'),
    preemptionVictims: metrics.histogram('scheduler_preemption_victims', 'Number of victims of a preemption.', [], exponential(1, 2, 7)),
  }
}
