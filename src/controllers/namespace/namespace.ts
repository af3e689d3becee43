/**
 * namespace-controller: empties a namespace that is being deleted, says by conditions what holds it up, and takes its own
 * finalizer ("kubernetes" in spec.finalizers, through /finalize) away once nothing is left.
 */
import { hasReason } from '../../api/status.js'
import type { Namespace, Pod } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { discover } from '../common/discovery.js'
import { updateSubresource } from '../common/subresource.js'
import type { Controller, Outcome, View } from '../controller.js'
import { deletionConditions } from './conditions.js'
import { type ContentReport, deleteContent } from './content.js'

const finalizer = 'kubernetes'
/**
 * An API server may learn a moment late that the namespace is going and let one more object in. So the finalizer stays until
 * a pass that began so long after the first found nothing.
 */
const settleMs = 2_000
/** Between looks at what remains: soon at first, then half of the time that it is expected to take. */
const lookMsMin = 500

interface Progress {
  readonly sinceMs: number
  looks: number
}

export function namespaceController(): Controller {
  const progress = new Map<string, Progress>()
  return {
    name: 'namespace-controller',
    workers: 10,
    watches: [
      {
        resource: resources.namespaces,
        toKeys: (object, _, change) => (object.metadata.deletionTimestamp || change === 'delete' ? [object.metadata.name ?? ''] : []),
        // The conditions that it writes itself are no news.
        changed: (object, old) => isNews(object as Namespace, old as Namespace),
      },
      { resource: resources.pods, toKeys: (object, view, change) => (change === 'delete' ? lastPodOf(object as Pod, view) : []) },
    ],
    async reconcile(name, view) {
      const namespace = await liveNamespace(name, view)
      if (!namespace?.metadata.deletionTimestamp || !namespace.spec?.finalizers?.length) {
        progress.delete(name)
        return undefined
      }
      let own = progress.get(name)
      if (!own) progress.set(name, (own = { sinceMs: view.clock.monotonic(), looks: 0 }))
      return empty(namespace, own, view)
    },
  }
}

function isNews(namespace: Namespace, old: Namespace): boolean {
  return (
    namespace.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    namespace.spec?.finalizers?.length !== old.spec?.finalizers?.length ||
    namespace.metadata.finalizers?.length !== old.metadata.finalizers?.length
  )
}

/** The rest of a namespace waits for its pods: the last one to go is worth a look. */
function lastPodOf({ metadata: { namespace = '' } }: Pod, view: View): string[] {
  if (!view.lister<Namespace>(resources.namespaces).get(namespace)?.metadata.deletionTimestamp) return []
  return view.lister<Pod>(resources.pods).list(namespace).length === 0 ? [namespace] : []
}

async function liveNamespace(name: string, { client }: View): Promise<Namespace | undefined> {
  try {
    return await client.resource<Namespace>(resources.namespaces).get('', name)
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}

async function empty(found: Namespace, own: Progress, view: View): Promise<Outcome | undefined> {
  const { clock, client } = view
  const name = found.metadata.name ?? ''
  const begunMs = clock.monotonic()
  const deletedAtMs = Date.parse(found.metadata.deletionTimestamp ?? '')
  const report = await deleteContent(client, name, await discover(client), { nowMs: clock.now(), deletedAtMs })
  const isEmpty = report.remaining.size === 0 && report.deletionFailures.length === 0 && report.discoveryFailures.size === 0
  const settlesInMs = own.sinceMs + settleMs - begunMs
  if (isEmpty && settlesInMs > 0) return { requeueAfterMs: settlesInMs }
  const stays = !isEmpty || (found.spec?.finalizers?.length ?? 0) > 1 || (found.metadata.finalizers?.length ?? 0) > 0
  const namespace = stays ? await writeConditions(found, report, view) : found
  if (isEmpty) return finalize(namespace, view)
  if (report.estimateSeconds > 0) return { requeueAfterMs: Math.min((report.estimateSeconds / 2 + 1) * 1000, lookMsMin * 2 ** own.looks++) }
  throw new Error(`not everything could be deleted: ${[...report.deletionFailures, ...report.discoveryFailures.keys()].join('; ')}`)
}

async function writeConditions(namespace: Namespace, report: ContentReport, { client, clock }: View): Promise<Namespace> {
  const conditions = deletionConditions(namespace.status?.conditions, report, clock.now())
  if (conditions === namespace.status?.conditions) return namespace
  const status = { ...namespace.status, phase: 'Terminating' as const, conditions: [...conditions] }
  return client.resource<Namespace>(resources.namespaces).updateStatus({ ...namespace, status })
}

/** Takes this controller's finalizer away; the last finalizer's going ends the namespace. */
async function finalize(namespace: Namespace, { client }: View): Promise<undefined> {
  const finalizers = namespace.spec?.finalizers ?? []
  if (!finalizers.includes(finalizer)) return
  const spec = { finalizers: finalizers.filter((each) => each !== finalizer) }
  try {
    await updateSubresource(client, resources.namespaces, { ...namespace, apiVersion: 'v1', kind: 'Namespace', spec }, 'finalize')
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
  }
}
