/**
 * How far and how fast a target may be scaled (HorizontalPodAutoscaler documentation, KEP-853): the recommendation that held over
 * the stabilization window, within the policies' rates and the autoscaler's own bounds. Pure.
 */
import type { HPAScalingRules, HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerCondition } from '../../api/types/autoscaling-v2.js'

/** What was recommended and done for one autoscaler, as far back as any rule looks. */
export interface Past {
  recommendations: { readonly atMs: number; readonly replicas: number }[]
  ups: Change[]
  downs: Change[]
}

interface Change {
  readonly atMs: number
  readonly by: number
}

export interface LimitsInput {
  readonly current: number
  /** What the metrics ask for. */
  readonly proposed: number
  readonly min: number
  readonly max: number
  readonly behavior: HorizontalPodAutoscalerBehavior | undefined
  readonly downscaleStabilizationMs: number
  readonly past: Past
  readonly nowMs: number
}

export interface Limited {
  readonly replicas: number
  readonly conditions: readonly HorizontalPodAutoscalerCondition[]
}

type Verdict = { readonly replicas: number; readonly reason: string; readonly message: string }

/** The longest time that any policy or window may look back (API validation). */
export const memoryMsMax = 3_600_000

export function limitReplicas(input: LimitsInput): Limited {
  const stable = input.behavior ? stabilizedByRules(input, input.behavior) : stabilizedDown(input)
  const verdict = input.behavior ? boundedByRules(input, input.behavior, stable.replicas) : bounded(input, stable.replicas)
  const isLimited = verdict.replicas !== stable.replicas
  return {
    replicas: verdict.replicas,
    conditions: [
      { type: 'AbleToScale', status: 'True', reason: stable.reason, message: stable.message },
      { type: 'ScalingLimited', status: isLimited ? 'True' : 'False', reason: verdict.reason, message: verdict.message },
    ],
  }
}

const ready = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' }
const heldDown = {
  reason: 'ScaleDownStabilized',
  message: 'recent recommendations were higher than current one, applying the highest recent recommendation',
}
const heldUp = {
  reason: 'ScaleUpStabilized',
  message: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
}

function stabilizedDown({ proposed, past, nowMs, downscaleStabilizationMs }: LimitsInput): Verdict {
  const recent = past.recommendations.filter(({ atMs }) => atMs > nowMs - downscaleStabilizationMs)
  const replicas = recent.reduce((most, each) => Math.max(most, each.replicas), proposed)
  return { replicas, ...(replicas === proposed ? ready : heldDown) }
}

function stabilizedByRules(input: LimitsInput, { scaleUp, scaleDown }: HorizontalPodAutoscalerBehavior): Verdict {
  const { proposed, current, past, nowMs } = input
  const windowMs = (rules: HPAScalingRules | undefined, standard: number) =>
    rules?.stabilizationWindowSeconds === undefined ? standard : rules.stabilizationWindowSeconds * 1000
  const within = (ms: number) => past.recommendations.filter(({ atMs }) => atMs > nowMs - ms)
  const up = within(windowMs(scaleUp, 0)).reduce((least, each) => Math.min(least, each.replicas), proposed)
  const down = within(windowMs(scaleDown, input.downscaleStabilizationMs)).reduce((most, each) => Math.max(most, each.replicas), proposed)
  const replicas = Math.min(Math.max(current, up), down)
  return { replicas, ...(replicas === proposed ? ready : proposed >= current ? heldUp : heldDown) }
}

const inRange = { reason: 'DesiredWithinRange', message: 'the desired count is within the acceptable range' }
const tooFew = { reason: 'TooFewReplicas', message: 'the desired replica count is less than the minimum replica count' }
const tooMany = { reason: 'TooManyReplicas', message: 'the desired replica count is more than the maximum replica count' }
const tooFastUp = { reason: 'ScaleUpLimit', message: 'the desired replica count is increasing faster than the maximum scale rate' }
const tooFastDown = { reason: 'ScaleDownLimit', message: 'the desired replica count is decreasing faster than the maximum scale rate' }

/** Without rules of its own an autoscaler at most doubles, or reaches four. */
function bounded({ current, min, max }: LimitsInput, proposed: number): Verdict {
  const rate = Math.max(2 * current, 4)
  if (proposed < min) return { replicas: min, ...tooFew }
  if (proposed <= Math.min(max, rate)) return { replicas: proposed, ...inRange }
  return max > rate ? { replicas: rate, ...tooFastUp } : { replicas: max, ...tooMany }
}

const standardUp: HPAScalingRules = {
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
}
const standardDown: HPAScalingRules = { policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] }

function boundedByRules(input: LimitsInput, behavior: HorizontalPodAutoscalerBehavior, proposed: number): Verdict {
  const { current, min, max } = input
  if (proposed > current) {
    const rate = Math.max(current, rateLimit(input, { ...standardUp, ...behavior.scaleUp }, 'up'))
    const allowed = Math.min(max, rate)
    return proposed > allowed ? { replicas: allowed, ...(max > rate ? tooFastUp : tooMany) } : { replicas: proposed, ...inRange }
  }
  if (proposed < current) {
    const rate = Math.min(current, rateLimit(input, { ...standardDown, ...behavior.scaleDown }, 'down'))
    const allowed = Math.max(min, rate)
    return proposed < allowed ? { replicas: allowed, ...(min < rate ? tooFastDown : tooFew) } : { replicas: proposed, ...inRange }
  }
  return { replicas: proposed, ...inRange }
}

function rateLimit({ current, past, nowMs }: LimitsInput, { policies = [], selectPolicy }: HPAScalingRules, way: 'up' | 'down'): number {
  if (selectPolicy === 'Disabled') return current
  const sum = (changes: readonly Change[], sinceMs: number) => changes.reduce((total, { atMs, by }) => total + (atMs > sinceMs ? by : 0), 0)
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const sinceMs = nowMs - periodSeconds * 1000
    const before = current - sum(past.ups, sinceMs) + sum(past.downs, sinceMs)
    if (way === 'up') return type === 'Pods' ? before + value : Math.ceil(before * (1 + value / 100))
    return type === 'Pods' ? before - value : Math.trunc(before * (1 - value / 100))
  })
  // The policy that changes most is taken, unless the least is asked for.
  const highest = (way === 'up') === (selectPolicy !== 'Min')
  return highest ? Math.max(...limits) : Math.min(...limits)
}
