/** token-cleaner-controller: bootstrap tokens are deleted when they expire. */
import { keyOf } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Secret } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { bootstrapTokenSelection, expiresAtMs } from '../common/bootstrap-tokens.js'
import type { Controller } from '../controller.js'

/** The longest wait that a timer can be set for. */
const waitMsMax = 2 ** 31 - 1

export function tokenCleanerController(): Controller {
  return {
    name: 'token-cleaner-controller',
    watches: [
      {
        resource: resources.secrets,
        selection: bootstrapTokenSelection,
        toKeys: (object, _, change) => (change === 'delete' ? [] : [keyOf(object)]),
      },
    ],
    async reconcile(key, view) {
      const secret = view.lister<Secret>(resources.secrets).get(key)
      const endMs = secret && expiresAtMs(secret)
      if (!secret || endMs === undefined) return undefined
      const leftMs = endMs - view.clock.now()
      if (leftMs > 0) return { requeueAfterMs: Math.min(leftMs, waitMsMax) }
      const { namespace = '', name = '', uid } = secret.metadata
      try {
        await view.client.resource(resources.secrets).delete(namespace, name, { preconditions: { uid } })
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error
      }
      return undefined
    },
  }
}
