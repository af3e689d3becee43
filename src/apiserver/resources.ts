/** Every resource the server serves now: the built-in ones from the start, custom ones as their definitions come and go. */
import type { ResourceInfo } from '../api/kinds.js'
import type { GroupVersionResource } from '../api/object.js'
import type { ServedResource } from './registry/resource.js'

export class Resources {
  readonly #served = new Map<string, ServedResource>()
  #infos: readonly ResourceInfo[] | undefined
  readonly #listeners = new Set<() => void>()

  get(group: string, version: string, resource: string): ServedResource | undefined {
    return this.#served.get(`${group}/${version}/${resource}`)
  }

  find(of: GroupVersionResource): ServedResource | undefined {
    return this.get(of.group, of.version, of.resource)
  }

  add(served: ServedResource): void {
    const { group, version, resource } = served.info
    this.#served.set(`${group}/${version}/${resource}`, served)
    this.#changed()
  }

  remove({ group, version, resource }: GroupVersionResource): void {
    this.#served.delete(`${group}/${version}/${resource}`)
    this.#changed()
  }

  all(): Iterable<ServedResource> {
    return this.#served.values()
  }

  /** For discovery: a new array whenever anything changed, the same one otherwise. */
  infos(): readonly ResourceInfo[] {
    this.#infos ??= [...this.#served.values()].map(({ info }) => info)
    return this.#infos
  }

  onChange(fn: () => void): void {
    this.#listeners.add(fn)
  }

  #changed(): void {
    this.#infos = undefined
    for (const listener of this.#listeners) listener()
  }
}
