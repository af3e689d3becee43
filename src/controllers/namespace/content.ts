/** Empties a namespace: one pass over everything in it, and the account of what is left. */
import { apiVersionOf, type KubeObject } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Pod } from '../../api/types/core-v1.js'
import { messageOf } from '../../base/errors.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import { type DiscoveredResource, type Discovery, supports } from '../common/discovery.js'
import { inParallel } from '../common/parallel.js'
import { isPodFinished } from '../common/pods.js'

export interface ContentReport {
  /** Group-versions that could not be asked, and why. */
  readonly discoveryFailures: ReadonlyMap<string, string>
  readonly deletionFailures: readonly string[]
  /** Objects that are still there: "pods." or "deployments.apps" → how many. */
  readonly remaining: ReadonlyMap<string, number>
  /** Finalizers on them → on how many. */
  readonly finalizers: ReadonlyMap<string, number>
  /** In how many seconds what remains can be expected to be gone; 0: nothing to expect. */
  readonly estimateSeconds: number
}

/** How long a finalizer is given before another look (upstream's figure). */
const finalizerSeconds = 15
const requestsAtOnce = 10

/**
 * Deletes what is in the namespace. Pods go first, alone (KEP-5080): while they end, what they need (network policies, secrets,
 * claims) stays. `deletedAtMs`: since when the namespace is being deleted.
 */
export async function deleteContent(
  client: Client,
  namespace: string,
  discovery: Discovery,
  time: { readonly nowMs: number; readonly deletedAtMs: number },
): Promise<ContentReport> {
  const report = {
    discoveryFailures: discovery.failures,
    deletionFailures: [] as string[],
    remaining: new Map<string, number>(),
    finalizers: new Map<string, number>(),
    estimateSeconds: 0,
  }
  const pass = async (of: DiscoveredResource) => {
    try {
      const graceSeconds = isPods(of) ? await podGraceSeconds(client, namespace, time) : 0
      const left = await deleteAll(client, namespace, of)
      if (left.length === 0) return
      report.remaining.set(`${of.resource}.${of.group}`, left.length)
      const held = countFinalizers(left, report.finalizers)
      report.estimateSeconds = Math.max(report.estimateSeconds, graceSeconds || (held ? finalizerSeconds : 0))
      if (graceSeconds === 0 && !held)
        throw new Error(`unexpected items still remain in namespace: ${namespace} for gvr: ${apiVersionOf(of)}, Resource=${of.resource}`)
    } catch (error) {
      report.deletionFailures.push(messageOf(error))
    }
  }
  const deletable = discovery.preferred.filter((of) => of.namespaced && supports(of, 'delete', 'list'))
  const pods = deletable.find(isPods)
  if (pods) await pass(pods)
  if (report.remaining.size > 0 || report.deletionFailures.length > 0) return report
  await inParallel(
    deletable.filter((of) => of !== pods),
    requestsAtOnce,
    pass,
  )
  return report
}

const isPods = (of: DiscoveredResource) => of.group === '' && of.resource === 'pods'

/** The longest time that a pod in the namespace may still take to end, counted from the deletion; 0 when it is over. */
async function podGraceSeconds(client: Client, namespace: string, time: { nowMs: number; deletedAtMs: number }): Promise<number> {
  const { items } = await client.resource<Pod>(resources.pods).list({ namespace })
  return remainingGraceSeconds(items, time)
}

export function remainingGraceSeconds(pods: readonly Pod[], { nowMs, deletedAtMs }: { nowMs: number; deletedAtMs: number }): number {
  let seconds = 0
  for (const pod of pods) if (!isPodFinished(pod)) seconds = Math.max(seconds, pod.spec?.terminationGracePeriodSeconds ?? 0)
  return (nowMs - deletedAtMs) / 1000 > seconds ? 0 : seconds
}

/** What is left of a resource after its deletion was asked for. Most resources of a namespace are empty: then one request is all. */
async function deleteAll(client: Client, namespace: string, of: DiscoveredResource): Promise<readonly KubeObject[]> {
  const metadata = client.resource(of, { metadataOnly: true })
  const { items } = await metadata.list({ namespace })
  if (items.length === 0) return items
  const deletion = { propagationPolicy: 'Background' } as const
  if (supports(of, 'deletecollection')) await client.resource(of).deleteCollection({ namespace }, deletion)
  else {
    const errors = await inParallel(items, requestsAtOnce, async (item) => {
      await client.resource(of).delete(namespace, item.metadata.name ?? '', deletion)
    })
    const serious = errors.find((error) => !hasReason(error, 'NotFound'))
    if (serious !== undefined) throw serious
  }
  return (await metadata.list({ namespace })).items
}

/** Whether any of the objects has a finalizer; adds them to the count. */
function countFinalizers(objects: readonly KubeObject[], counts: Map<string, number>): boolean {
  let any = false
  for (const { metadata } of objects)
    for (const finalizer of metadata.finalizers ?? []) {
      counts.set(finalizer, (counts.get(finalizer) ?? 0) + 1)
      any = true
    }
  return any
}
