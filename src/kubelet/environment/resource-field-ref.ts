import type { Container, ResourceFieldSelector } from '../../api/types/core-v1.js'
import { quantityMilliValue, quantityValue } from '../../api/quantity.js'

/**
 * A container's requests and limits as numbers (resourceFieldRef): divided and rounded up. A limit that is not set is what the
 * node has to give, as upstream has it. Pure.
 */
export function resourceFieldValue(
  container: Pick<Container, 'resources'>,
  { resource, divisor }: ResourceFieldSelector,
  allocatable: Readonly<Record<string, string>>,
): string {
  const [, kind, name = ''] = /^(limits|requests)\.(.+)$/.exec(resource) ?? []
  if (!kind || !isKnown(name)) throw new Error(`unsupported container resource : ${resource}`)
  const limit = container.resources?.limits?.[name] ?? (hasDefault(name) ? allocatable[name] : undefined)
  const amount = kind === 'limits' ? limit : (container.resources?.requests?.[name] ?? '0')
  const by = divisor === undefined || Number.parseFloat(divisor) === 0 ? '1' : divisor
  const value = name === 'cpu' ? quantityMilliValue : quantityValue
  return String(Math.ceil(value(amount ?? '0') / value(by)))
}

function hasDefault(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name === 'ephemeral-storage'
}

function isKnown(name: string): boolean {
  return hasDefault(name) || name.startsWith('hugepages-')
}
