import type { Container, Pod, ResourceRequirements } from '../types/core-v1.js'
import { addAmounts, type Amount, amountOf, compareAmounts } from './amount.js'

type Side = 'requests' | 'limits'

/**
 * What a pod takes of a node at most at any moment (KEP-753): its containers and the sidecars together, or while starting
 * an init container with the sidecars before it, plus the overhead of its runtime; resources of the pod itself take the
 * containers' place (KEP-2837). Pure.
 */
export function podUsage(pod: Pod, side: Side): Map<string, Amount> {
  const { spec } = pod
  const running = sumOf((spec?.containers ?? []).map((container) => amounts(container.resources, side)))
  const sidecars = new Map<string, Amount>()
  const starting = new Map<string, Amount>()
  for (const container of spec?.initContainers ?? []) {
    const own = amounts(container.resources, side)
    if (isSidecar(container)) {
      addAll(running, own)
      addAll(sidecars, own)
      raiseAll(starting, sidecars)
    } else {
      const moment = new Map(sidecars)
      addAll(moment, own)
      raiseAll(starting, moment)
    }
  }
  raiseAll(running, starting)
  for (const [name, amount] of amounts(spec?.resources, side)) running.set(name, amount)
  // Overhead counts towards a limit only where there is one.
  for (const [name, text] of Object.entries(spec?.overhead ?? {}))
    if (side === 'requests' || running.has(name)) addAll(running, new Map([[name, amountOf(text)]]))
  return running
}

function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always'
}

function amounts(of: ResourceRequirements | undefined, side: Side): Map<string, Amount> {
  return new Map(Object.entries(of?.[side] ?? {}).map(([name, text]) => [name, amountOf(text)]))
}

function sumOf(parts: readonly ReadonlyMap<string, Amount>[]): Map<string, Amount> {
  const sum = new Map<string, Amount>()
  for (const part of parts) addAll(sum, part)
  return sum
}

export function addAll(into: Map<string, Amount>, from: ReadonlyMap<string, Amount>): void {
  for (const [name, amount] of from) {
    const before = into.get(name)
    into.set(name, before ? addAmounts(before, amount) : amount)
  }
}

function raiseAll(into: Map<string, Amount>, to: ReadonlyMap<string, Amount>): void {
  for (const [name, amount] of to) {
    const before = into.get(name)
    if (!before || compareAmounts(before, amount) < 0) into.set(name, amount)
  }
}
