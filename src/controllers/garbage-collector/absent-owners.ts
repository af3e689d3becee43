import type { Identity } from './node.js'

const remembered = 500

/**
 * Owners that a live read (or their deletion) has shown to be absent, so that each of thousands of dependents need not ask
 * again. A uid never comes back, so this never gets stale; the oldest are forgotten first.
 */
export class AbsentOwners {
  readonly #keys = new Set<string>()

  add(owner: Identity): void {
    const key = keyOf(owner)
    this.#keys.delete(key)
    this.#keys.add(key)
    if (this.#keys.size > remembered) this.#keys.delete(this.#keys.values().next().value as string)
  }

  has(owner: Identity): boolean {
    return this.#keys.has(keyOf(owner))
  }
}

function keyOf({ apiVersion, kind, namespace, name, uid }: Identity): string {
  return [uid, apiVersion, kind, namespace, name].join('\0')
}
