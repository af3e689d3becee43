import type { Container, Pod, PodStatus } from '../../api/types/core-v1.js'

const counted = ['cpu', 'memory'] as const

/**
 * The quality of service class: Guaranteed when every container limits CPU and memory and asks for exactly that, BestEffort
 * when none asks for or limits either, Burstable else. The API server sets it first; this is for static pods.
 */
export function qosClassOf(pod: Pod): NonNullable<PodStatus['qosClass']> {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
  if (containers.every(asksNothing)) return 'BestEffort'
  return containers.every(isGuaranteed) ? 'Guaranteed' : 'Burstable'
}

function asksNothing({ resources }: Container): boolean {
  return counted.every((name) => !isPositive(resources?.requests?.[name]) && !isPositive(resources?.limits?.[name]))
}

function isGuaranteed({ resources }: Container): boolean {
  return counted.every((name) => {
    const limit = resources?.limits?.[name]
    const request = resources?.requests?.[name]
    return isPositive(limit) && (request === undefined || request === limit)
  })
}

function isPositive(quantity: string | undefined): boolean {
  return quantity !== undefined && Number.parseFloat(quantity) > 0
}
