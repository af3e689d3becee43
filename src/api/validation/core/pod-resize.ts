/** /resize (KEP-1287): cpu and memory of containers that run may change, the class of service may not. */
import type { Container, Pod, ResourceRequirements } from '../../types/core-v1.js'
import { qosClassOf } from '../../pods/qos.js'
import { amountOf } from '../../resource-usage/amount.js'
import { sameJson } from '../../same-json.js'
import type { Faults } from '../faults.js'

type Amounts = Readonly<Record<string, string>>
const resizable = ['cpu', 'memory'] as const
const whole = '[]'

export function podResizeFaults(faults: Faults, pod: Pod, old: Pod): void {
  if (old.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined)
    return faults.forbidden(whole, 'static pods cannot be resized')
  if (old.spec?.os?.name === 'windows') return faults.forbidden(whole, 'windows pods cannot be resized')
  if (qosClassOf(pod) !== (old.status?.qosClass ?? qosClassOf(old)))
    faults.invalid('spec', pod.status?.qosClass ?? '', 'Pod QOS Class may not change as a result of resizing')
  const running = old.status?.containerStatuses?.find(({ state }) => state?.running)
  if (running && !running.resources) faults.forbidden('spec', 'Pod running on node without support for resize')
  for (const kind of ['initContainers', 'containers'] as const) {
    const [now = [], before = []] = [pod.spec?.[kind], old.spec?.[kind]]
    for (const [i, container] of before.entries()) {
      const next = now[i]
      if (!next) continue
      const mayResize = kind === 'containers' || container.restartPolicy === 'Always'
      if (mayResize) containerFaults(faults, `spec.${kind}[${i}].resources`, next, container)
      if (!sameJson(mayResize ? withOldAmounts(next, container) : next, container))
        faults.forbidden(
          'spec',
          mayResize ? 'only cpu and memory resources are mutable' : 'resources for non-sidecar init containers are immutable',
        )
    }
  }
}

function containerFaults(faults: Faults, path: string, now: Container, before: Container): void {
  for (const kind of ['requests', 'limits'] as const)
    if (Object.keys(before.resources?.[kind] ?? {}).some((name) => now.resources?.[kind]?.[name] === undefined))
      faults.forbidden(`${path}.${kind}`, `resource ${kind} cannot be removed`)
}

/** The container as it would be had its cpu and memory not changed. */
function withOldAmounts(now: Container, before: Container): Container {
  const merge = (given: Amounts | undefined, old: Amounts | undefined): Amounts | undefined => {
    if (!old) {
      const rest = Object.entries(given ?? {}).filter(([name]) => !resizable.includes(name as 'cpu'))
      return rest.length > 0 ? Object.fromEntries(rest) : undefined
    }
    const merged: Record<string, string> = {}
    for (const [name, value] of Object.entries(given ?? {})) {
      if (resizable.includes(name as 'cpu')) continue
      const same = old[name] !== undefined && amountOf(old[name]).nanos === amountOf(value).nanos
      merged[name] = same ? (old[name] as string) : value
    }
    for (const name of resizable) if (old[name] !== undefined) merged[name] = old[name]
    return merged
  }
  const { limits, requests, ...rest } = now.resources ?? {}
  const [newLimits, newRequests] = [merge(limits, before.resources?.limits), merge(requests, before.resources?.requests)]
  const resources = {
    ...rest,
    ...(newLimits ? { limits: newLimits } : {}),
    ...(newRequests ? { requests: newRequests } : {}),
  } as ResourceRequirements
  return { ...now, resources, ...({ resizePolicy: before.resizePolicy } as Partial<Container>) }
}
