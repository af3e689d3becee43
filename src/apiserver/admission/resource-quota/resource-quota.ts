import { hasReason, internalError } from '../../../api/status.js'
import type { Container, Pod, ResourceQuota } from '../../../api/types/core-v1.js'
import { addAmounts, type Amount, amountOf, compareAmounts, formatAmount, subtractAmounts } from '../../../api/resource-usage/amount.js'
import { objectUsage, quotaCovers, type Usage } from '../../../api/resource-usage/object.js'
import { resources } from '../../../client/resources.js'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.js'
import { type AdmissionDeps, refused, resourceText } from '../plugin.js'

const triesMax = 10
/**
 * ResourceQuotas: a create or update that would go over one is refused; else it is charged to status.used before the
 * object is written, by compare-and-swap, so that requests on several servers cannot share the last place. What a failed
 * write leaves charged, and what deletes give back, is the quota controller's to count.
 */
export function resourceQuota({ access, clock }: AdmissionDeps): AdmissionPlugin {
  const lister = access.lister<ResourceQuota>(resources.resourceQuotas)
  const client = access.client.resource<ResourceQuota>(resources.resourceQuotas)
  /** Requests of one namespace go one after another: they would only make each other try again. */
  const queues = new Map<string, Promise<void>>()

  const charge = async (request: AdmissionRequest, first: ResourceQuota, delta: Usage): Promise<void> => {
    let quota = first
    for (let tries = 0; tries < triesMax; tries++) {
      const used = chargeQuota(request, quota, delta)
      if (!used || request.dryRun) return
      try {
        await client.updateStatus({ ...quota, status: { ...quota.status, used } })
        return
      } catch (error) {
        if (hasReason(error, 'NotFound')) return
        if (!hasReason(error, 'Conflict')) throw error
      }
      const current = await client.get(request.namespace, quota.metadata.name ?? '').catch((error: unknown) => {
        if (hasReason(error, 'NotFound')) return undefined
        throw error
      })
      if (!current) return
      quota = current
    }
    throw internalError(`resource quota "${first.metadata.name}" is changing too often to be charged`)
  }
  const inTurn = async (namespace: string, work: () => Promise<void>): Promise<void> => {
    const result = (queues.get(namespace) ?? Promise.resolve()).then(work, work)
    const settled = result.catch(() => undefined)
    queues.set(namespace, settled)
    try {
      await result
    } finally {
      if (queues.get(namespace) === settled) queues.delete(namespace)
    }
  }
  return {
    name: 'ResourceQuota',
    handles(operation, resource, subresource) {
      const about = resourceText(resource, subresource)
      if (operation === 'CREATE') return subresource === ''
      // What a pod takes changes by resizing it alone; most other updates add nothing.
      return operation === 'UPDATE' && (about === 'pods/resize' || about === 'services' || about === 'persistentvolumeclaims')
    },
    validate(request) {
      if (request.namespace === '' || !request.object) return undefined
      const quotas = lister.list(request.namespace)
      if (quotas.length === 0) return undefined
      const delta = deltaOf(request, clock.now())
      const concerned = quotas.filter((quota) => request.object && quotaCovers(quota, request.resource, request.object))
      for (const quota of concerned) requireRequests(request, quota)
      const charged = concerned.filter((quota) => Object.keys(quota.status?.hard ?? {}).some((name) => delta.has(name)))
      if (charged.length === 0) return undefined
      return inTurn(request.namespace, async () => {
        for (const quota of charged) await charge(request, quota, delta)
      })
    },
  }
}

/** What the request adds: for an update only what grows. */
function deltaOf(request: AdmissionRequest, nowMs: number): Usage {
  if (!request.object) return new Map()
  const now = objectUsage(request.resource, request.object, nowMs)
  if (request.operation === 'CREATE' || !request.oldObject) return now
  const before = objectUsage(request.resource, request.oldObject, nowMs)
  const delta = new Map<string, Amount>()
  for (const [name, amount] of now) {
    const old = before.get(name)
    const grown = old ? subtractAmounts(amount, old) : amount
    if (grown.nanos > 0n) delta.set(name, { ...grown, format: amount.format })
  }
  return delta
}

/** The new status.used, undefined when nothing changes. Throws when it goes over. */
function chargeQuota(request: AdmissionRequest, quota: ResourceQuota, delta: Usage): Record<string, string> | undefined {
  const hard = quota.status?.hard ?? {}
  const used = quota.status?.used ?? {}
  const names = Object.keys(hard)
    .filter((name) => (delta.get(name)?.nanos ?? 0n) !== 0n)
    .sort()
  const unknown = names.filter((name) => used[name] === undefined)
  if (unknown.length > 0) throw refused(request, `status unknown for quota: ${quota.metadata.name}, resources: ${unknown.join(',')}`)
  const next = new Map(names.map((name) => [name, addAmounts(amountOf(used[name]), delta.get(name) ?? amountOf('0'))]))
  const over = names.filter((name) => compareAmounts(next.get(name) ?? amountOf('0'), amountOf(hard[name])) > 0)
  if (over.length > 0) {
    const list = (value: (name: string) => string) => over.map((name) => `${name}=${value(name)}`).join(',')
    const requested = list((name) => formatAmount(delta.get(name) ?? amountOf('0')))
    throw refused(
      request,
      `exceeded quota: ${quota.metadata.name}, requested: ${requested}, used: ${list((name) => used[name] ?? '0')}, limited: ${list((name) => hard[name] ?? '0')}`,
    )
  }
  if (names.length === 0) return undefined
  return { ...used, ...Object.fromEntries([...next].map(([name, amount]) => [name, formatAmount(amount)])) }
}

/** A quota on cpu or memory means that every container must say what it takes. */
function requireRequests(request: AdmissionRequest, quota: ResourceQuota): void {
  if (resourceText(request.resource) !== 'pods') return
  const pod = request.object as unknown as Pod
  const missing = new Map<string, string[]>()
  const names = Object.keys(quota.status?.hard ?? {}).flatMap((name) => computeName(name) ?? [])
  for (const container of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])])
    for (const { full, side, name } of names)
      if (!has(pod, container, side, name)) missing.set(full, [...(missing.get(full) ?? []), container.name])
  if (missing.size === 0) return
  const text = [...missing].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, containers]) => `${name} for: ${containers.join(',')}`)
  throw refused(request, `failed quota: ${quota.metadata.name}: must specify ${text.join('; ')}`)
}

function computeName(full: string): { full: string; side: 'requests' | 'limits'; name: string } | undefined {
  const [prefix, rest] = full.includes('.') ? [full.slice(0, full.indexOf('.')), full.slice(full.indexOf('.') + 1)] : ['requests', full]
  if ((prefix !== 'requests' && prefix !== 'limits') || !['cpu', 'memory'].includes(rest)) return undefined
  return { full, side: prefix, name: rest }
}

function has(pod: Pod, { resources: of }: Container, side: 'requests' | 'limits', name: string): boolean {
  return of?.[side]?.[name] !== undefined || pod.spec?.resources?.[side]?.[name] !== undefined
}
