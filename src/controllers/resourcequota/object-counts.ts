/** The objects of resources of which a quota wants only the number: watched by their metadata, from when a quota first asks. */
import type { KubeObject } from '../../api/object.js'
import { discover, type DiscoveredResource, supports } from '../common/discovery.js'
import type { ObjectMonitor, ObjectMonitors } from '../common/object-monitors.js'
import type { View } from '../controller.js'

/** What is served is asked anew so often at most: custom resources come and go. */
const discoveryMs = 30_000

type OnChange = (namespace: string, change: 'add' | 'delete') => void

export class ObjectCounts {
  readonly #view: View
  readonly #monitors: ObjectMonitors
  readonly #onChange: OnChange
  readonly #open = new Map<string, Promise<ObjectMonitor>>()
  #served: Promise<ReadonlyMap<string, DiscoveredResource>> | undefined
  #askedAtMs = 0

  constructor(view: View, monitors: ObjectMonitors, onChange: OnChange) {
    this.#view = view
    this.#monitors = monitors
    this.#onChange = onChange
  }

  /** undefined when no such resource is served. */
  async objects(of: { readonly group: string; readonly resource: string }, namespace: string): Promise<readonly KubeObject[] | undefined> {
    const name = nameOf(of)
    const resource = (await this.#discovered()).get(name)
    if (!resource) {
      const closing = this.#open.get(name)
      this.#open.delete(name)
      void closing?.then((monitor) => monitor.close())
      return undefined
    }
    let opening = this.#open.get(name)
    if (!opening) this.#open.set(name, (opening = this.#watch(resource)))
    return (await opening).informer.lister.list(namespace)
  }

  #discovered(): Promise<ReadonlyMap<string, DiscoveredResource>> {
    const { client, clock } = this.#view
    if (this.#served && clock.monotonic() - this.#askedAtMs < discoveryMs) return this.#served
    this.#askedAtMs = clock.monotonic()
    const served = discover(client).then(
      ({ preferred }) =>
        new Map(preferred.filter((of) => of.namespaced && supports(of, 'create', 'delete', 'list', 'watch')).map((of) => [nameOf(of), of])),
    )
    served.catch(() => (this.#served = undefined))
    return (this.#served = served)
  }

  async #watch(of: DiscoveredResource): Promise<ObjectMonitor> {
    const monitor = this.#monitors.open(of, this.#view)
    const { informer } = monitor
    await new Promise<void>((resolve, reject) => {
      this.#view.signal.addEventListener('abort', () => reject(this.#view.signal.reason as Error), { once: true })
      informer.whenSynced(resolve)
    })
    informer.addHandler({
      onAdd: ({ metadata }, initial) => initial || this.#onChange(metadata.namespace ?? '', 'add'),
      onDelete: ({ metadata }) => this.#onChange(metadata.namespace ?? '', 'delete'),
    })
    return monitor
  }
}

function nameOf({ group, resource }: { readonly group: string; readonly resource: string }): string {
  return `${resource}.${group}`
}
