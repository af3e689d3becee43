/** Scores by how full a node would be: least, most, or a curve over the share that is taken. Whole numbers, as upstream's. */
import type { NodeTable } from '../../cache/node-table.js'
import type { PodInfo } from '../../cache/pod-info.js'
import { scoreMax } from '../../framework/plugin.js'

export interface ResourceWeight {
  readonly name: string
  readonly weight?: number
}

export interface ShapePoint {
  /** Percent. */
  readonly utilization: number
  /** From 0 to 10. */
  readonly score: number
}

export interface ScoringStrategy {
  readonly type?: 'LeastAllocated' | 'MostAllocated' | 'RequestedToCapacityRatio'
  readonly resources?: readonly ResourceWeight[]
  readonly requestedToCapacityRatio?: { readonly shape?: readonly ShapePoint[] }
}

export const defaultResources: readonly ResourceWeight[] = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
]

export interface StrategyScorer {
  readonly resources: readonly ResourceWeight[]
  /** 0..100 for one resource; undefined leaves it out of the average. */
  of(requested: number, allocatable: number): number | undefined
  average(sum: number, weights: number): number
}

export function strategyScorer(strategy: ScoringStrategy = {}): StrategyScorer {
  const resources = strategy.resources?.length ? strategy.resources : defaultResources
  const average = (sum: number, weights: number) => Math.floor(sum / weights)
  switch (strategy.type) {
    case 'MostAllocated':
      return { resources, average, of: (requested, allocatable) => Math.floor((Math.min(requested, allocatable) * scoreMax) / allocatable) }
    case 'RequestedToCapacityRatio': {
      const curve = curveOf(strategy.requestedToCapacityRatio?.shape ?? [])
      return {
        resources,
        average: (sum, weights) => Math.round(sum / weights),
        of(requested, allocatable) {
          const score = curve(requested > allocatable ? 100 : Math.floor((requested * 100) / allocatable))
          return score > 0 ? score : undefined
        },
      }
    }
    case 'LeastAllocated':
    case undefined:
      return {
        resources,
        average,
        of: (requested, allocatable) => (requested > allocatable ? 0 : Math.floor(((allocatable - requested) * scoreMax) / allocatable)),
      }
  }
}

/** Straight lines between the points, level outside of them. The shape's scores go to 10. */
function curveOf(shape: readonly ShapePoint[]): (percent: number) => number {
  const points = shape.map(({ utilization, score }) => ({ at: utilization, score: score * 10 }))
  return (percent) => {
    let before: (typeof points)[number] | undefined
    for (const point of points) {
      if (percent <= point.at) {
        if (!before) return point.score
        return before.score + Math.trunc(((point.score - before.score) * (percent - before.at)) / (point.at - before.at))
      }
      before = point
    }
    return before?.score ?? 0
  }
}

interface Scoring {
  readonly pod: PodInfo
  readonly slots: Int32Array
  readonly nodes: NodeTable
  readonly into: Float64Array
}

interface Input {
  readonly weight: number
  readonly allocatable: Float64Array
  readonly requested: Float64Array
  readonly own: number
}

export function scoreNodes({ pod, slots, nodes, into }: Scoring, scorer: StrategyScorer): void {
  const inputs = scorer.resources.flatMap(({ name, weight = 1 }): Input[] => {
    const { requests } = pod
    if (name === 'cpu')
      return [{ weight, allocatable: nodes.cpu.allocatable, requested: nodes.nonZeroMilliCpu, own: requests.nonZeroMilliCpu }]
    if (name === 'memory')
      return [{ weight, allocatable: nodes.memory.allocatable, requested: nodes.nonZeroMemory, own: requests.nonZeroMemory }]
    return plainInput(name, weight, pod, nodes)
  })
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i] as number
    let sum = 0
    let weights = 0
    for (let k = 0; k < inputs.length; k++) {
      const { weight, allocatable, requested, own } = inputs[k] as Input
      const has = allocatable[slot] as number
      if (has === 0) continue
      const score = scorer.of((requested[slot] as number) + own, has)
      if (score === undefined) continue
      sum += score * weight
      weights += weight
    }
    into[i] = weights === 0 ? 0 : scorer.average(sum, weights)
  }
}

/** What is really requested. An extended resource that the pod does not want says nothing about it. */
export function plainInput(name: string, weight: number, { requests }: PodInfo, nodes: NodeTable): Input[] {
  const column = nodes.column(name)
  if (!column) return []
  const own = ownRequest(name, requests)
  if (own === 0 && name !== 'cpu' && name !== 'memory' && name !== 'ephemeral-storage') return []
  return [{ weight, allocatable: column.allocatable, requested: column.requested, own }]
}

function ownRequest(name: string, requests: PodInfo['requests']): number {
  if (name === 'cpu') return requests.milliCpu
  if (name === 'memory') return requests.memory
  if (name === 'ephemeral-storage') return requests.ephemeralStorage
  return requests.scalars?.get(name) ?? 0
}
