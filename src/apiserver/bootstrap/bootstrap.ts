import { apiVersionOf, keyOf, type KubeObject } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Logger } from '../../base/logger.js'
import type { ResourceClient } from '../../client/client.js'
import type { ServerAccess } from '../access.js'
import { type BootstrapSet, bootstrapSets, namespaceSet } from './objects.js'

const triesMax = 5

/**
 * Writes what every cluster has and is missing here: one list a resource, then the missing objects all at once. Several
 * servers may do so at the same moment: whoever comes second finds it done. Idempotent.
 */
export async function bootstrap(access: ServerAccess, logger: Logger): Promise<void> {
  // Namespaces first: the others live in them.
  await ensureSet(access, namespaceSet, logger)
  await Promise.all(bootstrapSets.map((set) => ensureSet(access, set, logger)))
}

/** The namespaces alone: what others that start at the same time wait for. */
export function bootstrapNamespaces(access: ServerAccess, logger: Logger): Promise<void> {
  return ensureSet(access, namespaceSet, logger)
}

export function bootstrapSet(access: ServerAccess, kind: string, logger: Logger): Promise<void> {
  const set = bootstrapSets.find((candidate) => candidate.kind === kind)
  return set ? ensureSet(access, set, logger) : Promise.resolve()
}

export async function ensureSet(access: ServerAccess, set: BootstrapSet, logger: Logger): Promise<void> {
  const client = access.client.resource(set.resource)
  const { items } = await client.list()
  const existing = new Map(items.map((object) => [keyOf(object), object]))
  await Promise.all(set.objects.map((wanted) => ensureObject(client, set, wanted, existing.get(keyOf(wanted)), logger)))
}

async function ensureObject(
  client: ResourceClient<KubeObject>,
  set: BootstrapSet,
  wanted: KubeObject,
  found: KubeObject | undefined,
  logger: Logger,
): Promise<void> {
  const { namespace = '', name = '' } = wanted.metadata
  let existing = found
  for (let tries = 0; ; tries++) {
    try {
      if (!existing) {
        await client.create({ ...wanted, apiVersion: apiVersionOf(set.resource), kind: set.kind })
        return
      }
      const next = set.reconcile?.(existing, wanted)
      if (!next) return
      logger.info('default object is mended', { kind: set.kind, name })
      if (next === 'recreate') {
        await client.delete(namespace, name, { preconditions: { uid: existing.metadata.uid } })
        existing = undefined
        continue
      }
      await client.update(next)
      return
    } catch (error) {
      const raced = hasReason(error, 'AlreadyExists') || hasReason(error, 'Conflict') || hasReason(error, 'NotFound')
      if (!raced || tries >= triesMax) throw error
      // Another server got there first: look at what it wrote.
      existing = await client.get(namespace, name).catch((failure: unknown) => {
        if (hasReason(failure, 'NotFound')) return undefined
        throw failure
      })
    }
  }
}
