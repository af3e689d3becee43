/**
 * Sets the size of what an autoscaler points at: between its bounds, and where metrics say it should be. It looks every sync
 * period, whatever happens in between; the target is reached by its scale subresource alone, so any kind that has one will do.
 */
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  MetricStatus,
} from '../../api/types/autoscaling-v2.js'
import type { Scale } from '../../api/types/autoscaling-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { keyOf } from '../../api/object.js'
import { parseLabelSelector } from '../../api/selectors/label.js'
import { timestamp } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import { withCondition } from '../common/conditions.js'
import { sameJson } from '../../api/same-json.js'
import { unlessGone } from '../common/refusals.js'
import type { Controller, Outcome, View } from '../controller.js'
import { limitReplicas, memoryMsMax, type Past } from './limits.js'
import { MetricFailure, type MetricProposal, proposalOf } from './metric-replicas.js'
import type { Readiness } from './replicas.js'
import { ScaleTargets } from './scale-targets.js'

export interface AutoscalerOptions extends Readiness {
  readonly syncPeriodMs: number
  readonly downscaleStabilizationMs: number
  readonly tolerance: number
}

export function horizontalPodAutoscalerController(options: AutoscalerOptions): Controller {
  const past = new Map<string, Past>()
  const targets = new ScaleTargets()
  return {
    name: 'horizontal-pod-autoscaler-controller',
    eventSource: 'horizontal-pod-autoscaler',
    watches: [
      {
        resource: resources.horizontalPodAutoscalers,
        toKeys(object, view, change) {
          const key = keyOf(object)
          // Its own status must not make it look again at once: the next look is when the period has passed.
          if (change === 'add') view.enqueue(key)
          else view.enqueue(key, options.syncPeriodMs)
          return []
        },
      },
      { resource: resources.pods, toKeys: () => [] },
    ],
    async reconcile(key, view): Promise<Outcome | void> {
      const autoscaler = view.lister<HorizontalPodAutoscaler>(resources.horizontalPodAutoscalers).get(key)
      if (!autoscaler) {
        past.delete(key)
        return undefined
      }
      let memory = past.get(key)
      if (!memory) past.set(key, (memory = { recommendations: [], ups: [], downs: [] }))
      forget(memory, view.clock.now() - memoryMsMax)
      await new Look(autoscaler, { view, options, targets, past: memory }).run()
      return { requeueAfterMs: options.syncPeriodMs }
    },
  }
}

function forget(past: Past, beforeMs: number): void {
  past.recommendations = past.recommendations.filter(({ atMs }) => atMs > beforeMs)
  past.ups = past.ups.filter(({ atMs }) => atMs > beforeMs)
  past.downs = past.downs.filter(({ atMs }) => atMs > beforeMs)
}

interface Means {
  readonly view: View
  readonly options: AutoscalerOptions
  readonly targets: ScaleTargets
  readonly past: Past
}

interface Decision {
  readonly replicas: number
  /** Why the size changes; for the event. */
  readonly reason: string
  readonly metrics?: readonly MetricStatus[]
}

/** One look at one autoscaler. */
class Look {
  readonly #autoscaler: HorizontalPodAutoscaler
  readonly #means: Means
  #conditions: HorizontalPodAutoscalerCondition[]

  constructor(autoscaler: HorizontalPodAutoscaler, means: Means) {
    this.#autoscaler = autoscaler
    this.#means = means
    this.#conditions = [...(autoscaler.status?.conditions ?? [])]
  }

  async run(): Promise<void> {
    const { view, targets } = this.#means
    const { scaleTargetRef } = this.#autoscaler.spec
    const namespace = this.#autoscaler.metadata.namespace ?? ''
    let scale: Scale
    try {
      scale = await targets.read(view.client, namespace, scaleTargetRef)
    } catch (error) {
      this.#say('Warning', 'FailedGetScale', messageOf(error))
      this.#condition(
        'AbleToScale',
        'False',
        'FailedGetScale',
        `the HPA controller was unable to get the target's current scale: ${messageOf(error)}`,
      )
      return this.#write({})
    }
    this.#condition('AbleToScale', 'True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale")
    const current = scale.spec?.replicas ?? 0
    const decision = await this.#decide(scale, current)
    if (!decision) return this.#write({ currentReplicas: current })
    const { replicas, reason, metrics = [] } = decision
    if (replicas === current) return this.#write({ currentReplicas: current, desiredReplicas: current, currentMetrics: [...metrics] })
    if (!(await this.#rescale(scale, replicas, reason))) return this.#write({ currentReplicas: current })
    return this.#write({
      ...{ currentReplicas: current, desiredReplicas: replicas, currentMetrics: [...metrics] },
      lastScaleTime: timestamp(view.clock.now()),
    })
  }

  /** undefined: nothing can be said, the size stays. */
  async #decide(scale: Scale, current: number): Promise<Decision | undefined> {
    const { minReplicas = 1, maxReplicas } = this.#autoscaler.spec
    const { past, view } = this.#means
    if (past.recommendations.length === 0) past.recommendations.push({ atMs: view.clock.now(), replicas: current })
    if (current === 0 && minReplicas !== 0) {
      this.#condition('ScalingActive', 'False', 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero')
      return { replicas: 0, reason: '' }
    }
    if (current > maxReplicas) return { replicas: maxReplicas, reason: 'Current number of replicas above Spec.MaxReplicas' }
    if (current < minReplicas) return { replicas: minReplicas, reason: 'Current number of replicas below Spec.MinReplicas' }
    const asked = await this.#askMetrics(scale, current)
    if (!asked) return undefined
    const { highest, all } = asked
    const { options } = this.#means
    const limited = limitReplicas({
      ...{ current, proposed: highest.replicas, min: minReplicas, max: maxReplicas, behavior: this.#autoscaler.spec.behavior },
      ...{ downscaleStabilizationMs: options.downscaleStabilizationMs, past, nowMs: view.clock.now() },
    })
    past.recommendations.push({ atMs: view.clock.now(), replicas: highest.replicas })
    for (const { type, status, reason = '', message = '' } of limited.conditions) this.#condition(type, status, reason, message)
    const reason = limited.replicas > current ? `${highest.name} above target` : 'All metrics below target'
    return { replicas: limited.replicas, reason, metrics: all.map(({ status }) => status) }
  }

  /**
   * Every metric is asked and the highest answer counts. One that fails is passed over only when another one asks for growth:
   * what is not known must not make anything smaller.
   */
  async #askMetrics(scale: Scale, current: number): Promise<{ highest: MetricProposal; all: MetricProposal[] } | undefined> {
    const { view, options, targets } = this.#means
    const selector = scale.status?.selector ?? ''
    if (selector === '') return this.#inactive('InvalidSelector', "the HPA target's scale is missing a selector", 'SelectorRequired')
    const matches = parseLabelSelector(selector)
    const namespace = this.#autoscaler.metadata.namespace ?? ''
    const pods = view
      .lister<Pod>(resources.pods)
      .list(namespace)
      .filter((pod) => matches.matches(pod.metadata.labels))
    const all: MetricProposal[] = []
    let failure: MetricFailure | undefined
    for (const spec of this.#autoscaler.spec.metrics ?? []) {
      try {
        const input = {
          ...{ client: view.client, autoscaler: this.#autoscaler, selector, current, statusReplicas: scale.status?.replicas ?? 0, pods },
          ...{ readiness: options, tolerance: options.tolerance, nowMs: view.clock.now() },
          resourceOf: async (apiVersion: string, kind: string) => (await targets.resourceOf(view.client, apiVersion, kind)).resource,
        }
        all.push(await proposalOf(spec, input))
      } catch (error) {
        if (!(error instanceof MetricFailure)) throw error
        failure ??= error
        this.#say('Warning', error.reason, error.message)
      }
    }
    const [first, ...others] = all
    const highest = first && others.reduce((most, each) => (each.replicas > most.replicas ? each : most), first)
    if (!highest || (failure && highest.replicas < current)) {
      const { reason, message } = failure ?? new MetricFailure('InvalidMetricSourceType', 'no metric is asked for')
      return this.#inactive(reason, `the HPA was unable to compute the replica count: ${message}`, 'FailedComputeMetricsReplicas')
    }
    this.#condition(
      'ScalingActive',
      'True',
      'ValidMetricFound',
      `the HPA was able to successfully calculate a replica count from ${highest.name}`,
    )
    return { highest, all }
  }

  #inactive(reason: string, message: string, event: string): undefined {
    this.#condition('ScalingActive', 'False', reason, message)
    this.#say('Warning', event, message)
    return undefined
  }

  async #rescale(scale: Scale, replicas: number, why: string): Promise<boolean> {
    const { view, targets, past } = this.#means
    const current = scale.spec?.replicas ?? 0
    try {
      await targets.write(view.client, this.#autoscaler.spec.scaleTargetRef, { ...scale, spec: { ...scale.spec, replicas } })
    } catch (error) {
      this.#say('Warning', 'FailedRescale', `New size: ${replicas}; reason: ${why}; error: ${messageOf(error)}`)
      this.#condition(
        'AbleToScale',
        'False',
        'FailedUpdateScale',
        `the HPA controller was unable to update the target scale: ${messageOf(error)}`,
      )
      return false
    }
    this.#condition('AbleToScale', 'True', 'SucceededRescale', `the HPA controller was able to update the target scale to ${replicas}`)
    this.#say('Normal', 'SuccessfulRescale', `New size: ${replicas}; reason: ${why}`)
    const changes = replicas > current ? past.ups : past.downs
    changes.push({ atMs: view.clock.now(), by: Math.abs(replicas - current) })
    return true
  }

  async #write(changes: Partial<HorizontalPodAutoscalerStatus>): Promise<void> {
    const { status: old } = this.#autoscaler
    const status: HorizontalPodAutoscalerStatus = {
      ...{ desiredReplicas: 0, ...old },
      ...changes,
      conditions: this.#conditions,
      observedGeneration: this.#autoscaler.metadata.generation,
    }
    if (sameJson(status, old)) return
    const of = this.#means.view.client.resource<HorizontalPodAutoscaler>(resources.horizontalPodAutoscalers)
    await unlessGone(of.updateStatus({ ...this.#autoscaler, status }))
  }

  #condition(type: string, status: string, reason: string, message: string): void {
    this.#conditions = withCondition(this.#conditions, { type, status, reason, message }, this.#means.view.clock.now())
  }

  #say(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#means.view.events.event(
      { ...this.#autoscaler, apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' },
      type,
      reason,
      message,
    )
  }
}
