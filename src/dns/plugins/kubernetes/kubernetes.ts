/**
 * Names of Services and pods from the cluster's own objects. The server waits a moment for the first state; until it is there,
 * a name that is not found is SERVFAIL and not NXDOMAIN, which would be remembered.
 */
import type { GroupVersionResource, KubeObject } from '../../../api/object.js'
import type { Client } from '../../../client/client.js'
import { type InformerFactory, informerFactory, type Selection } from '../../../client/informers/informers.js'
import { resources } from '../../../client/resources.js'
import { messageOf } from '../../../base/errors.js'
import { authoritative, Body, type Handler } from '../../answer.js'
import type { Link, Plugin, Setup } from '../../plugin.js'
import { rcodes } from '../../wire/constants.js'
import { zoneOf } from '../../wire/name.js'
import type { Query } from '../../wire/reader.js'
import { type AnswerOptions, type Records, recordsOf, soaOf } from './answers.js'
import { type KubernetesOptions, kubernetesOptions } from './options.js'
import { type KnownPod, type KnownService, type KnownSlice, slimNamespace, slimPod, slimService, slimSlice } from './objects.js'
import { ServiceIndex } from './service-index.js'

const name = 'kubernetes'

export const kubernetes: Plugin = {
  name,
  setup(directives, setup) {
    const options = kubernetesOptions(directives, setup.zones)
    return new KubernetesLink(options, setup)
  },
}

class KubernetesLink implements Link {
  readonly #options: KubernetesOptions
  readonly #setup: Setup
  readonly #answers: AnswerOptions
  readonly #index: ServiceIndex
  #factories: readonly InformerFactory[] = []
  #synced = false
  #close: () => Promise<void> = () => Promise.resolve()

  constructor(options: KubernetesOptions, setup: Setup) {
    const { clock, network } = setup
    this.#options = options
    this.#setup = setup
    this.#index = new ServiceIndex(() => clock.now())
    this.#answers = {
      ...options,
      index: this.#index,
      localAddresses: () => (setup.hosts.length > 0 ? setup.hosts : network.localAddresses()),
      resolve: (query) => setup.resolve(query),
    }
  }

  async prepare(): Promise<void> {
    const { clock, log, cluster } = this.#setup
    const lines = log.of(name)
    const client = cluster(this.#options.access)
    this.#close = () => client.close()
    this.#factories = this.#watch(client)
    for (const factory of this.#factories) factory.start()
    const synced = Promise.all(this.#factories.map((factory) => factory.synced())).then(
      () => {
        this.#synced = true
      },
      () => undefined,
    )
    lines.info('waiting for Kubernetes API before starting server')
    const giveUp = new AbortController()
    const patience = clock.sleep(this.#options.startupTimeoutMs, giveUp.signal).catch(() => undefined)
    await Promise.race([synced, patience])
    giveUp.abort()
    if (!this.#synced) lines.warning('starting server with unsynced Kubernetes API')
  }

  ready(): boolean {
    return this.#synced
  }

  async stop(): Promise<void> {
    for (const factory of this.#factories) factory.stop()
    await this.#close().catch((error: unknown) => this.#setup.log.of(name).error(messageOf(error)))
  }

  handler(next: Handler): Handler {
    const { zones, fallthrough } = this.#options
    const answered = (query: Query, zone: string, records: Records) => {
      if (records instanceof Body) return authoritative(name, records)
      if (records === 'NXDOMAIN' && fallthrough(query.key)) return next(query)
      const rcode = records === 'NODATA' ? rcodes.NOERROR : this.#synced ? rcodes.NXDOMAIN : rcodes.SERVFAIL
      return authoritative(name, new Body([], [soaOf(this.#answers, zone)]), rcode)
    }
    return (query) => {
      const zone = zoneOf(zones, query.key)
      if (zone === undefined) return next(query)
      const records = recordsOf(this.#answers, query, zone)
      return records instanceof Promise ? records.then((each) => answered(query, zone, each)) : answered(query, zone, records)
    }
  }

  #watch(client: Client): InformerFactory[] {
    const index = this.#index
    const { labelSelector, namespaceLabelSelector, endpoints, endpointPodNames, pods } = this.#options
    const labelled = labelSelector === '' ? {} : { labelSelector }
    const namespaces = namespaceLabelSelector === '' ? {} : { labelSelector: namespaceLabelSelector }
    const factories: InformerFactory[] = []
    const informer = <T extends KubeObject>(of: GroupVersionResource, selection: Selection, transform: (object: KubeObject) => void) => {
      const { clock, random, logger } = this.#setup
      const factory = informerFactory({ client, clock, random, logger, transform })
      factories.push(factory)
      return factory.informer<T>(of, selection)
    }
    informer(resources.namespaces, namespaces, slimNamespace).addHandler({
      onAdd: (object) => index.setNamespace(object),
      onDelete: (object) => index.deleteNamespace(object),
    })
    informer<KnownService>(resources.services, labelled, slimService).addHandler({
      onAdd: (object) => index.setService(object),
      onUpdate: (object) => index.setService(object),
      onDelete: (object) => index.deleteService(object),
    })
    if (endpoints)
      informer<KnownSlice>(resources.endpointSlices, labelled, slimSlice(endpointPodNames)).addHandler({
        onAdd: (object, initial) => {
          index.setSlice(object)
          if (!initial) this.#measure(object)
        },
        onUpdate: (object) => {
          index.setSlice(object)
          this.#measure(object)
        },
        onDelete: (object) => index.deleteSlice(object),
      })
    if (pods === 'verified')
      informer<KnownPod>(resources.pods, labelled, slimPod).addHandler({
        onAdd: (object) => index.setPod(object),
        onUpdate: (object) => index.setPod(object),
        onDelete: (object) => index.deletePod(object),
      })
    return factories
  }

  /** How long a change took until queries see it: upstream tells it of headless services, whose records the endpoints are. */
  #measure({ metadata, service, triggeredAtMs }: KnownSlice): void {
    const { clock, metrics } = this.#setup
    if (triggeredAtMs === undefined || !Number.isFinite(triggeredAtMs)) return
    if (this.#index.entry(metadata.namespace ?? '', service)?.service?.kind !== 'Headless') return
    metrics.programmingDuration.observe(['headless_with_selector'], Math.max(0, (clock.now() - triggeredAtMs) / 1000))
  }
}
