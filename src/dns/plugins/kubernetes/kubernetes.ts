/**
 * Names of Services and pods from the cluster's own objects. The server waits a moment for the first state; until it is there,
 * a name that is not found is SERVFAIL and not NXDOMAIN, which would be remembered.
 */
import type { EndpointSlice } from '../../../api/types/discovery-v1.js'
import type { KubeObject } from '../../../api/object.js'
import type { Namespace, Pod, Service } from '../../../api/types/core-v1.js'
import { type InformerFactory, informerFactory } from '../../../client/informers/informers.js'
import { resources } from '../../../client/resources.js'
import { messageOf } from '../../../base/errors.js'
import { authoritative, Body, type Handler } from '../../answer.js'
import type { Link, Plugin, Setup } from '../../plugin.js'
import { rcodes } from '../../wire/constants.js'
import { zoneOf } from '../../wire/name.js'
import type { Query } from '../../wire/reader.js'
import { type AnswerOptions, type Records, recordsOf, soaOf } from './answers.js'
import { type KubernetesOptions, kubernetesOptions } from './options.js'
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
  readonly #ending = new AbortController()
  #informers: InformerFactory | undefined
  #synced = false
  #close: () => Promise<void> = () => Promise.resolve()

  constructor(options: KubernetesOptions, setup: Setup) {
    const { clock, network } = setup
    this.#options = options
    this.#setup = setup
    this.#index = new ServiceIndex({ endpointPodNames: options.endpointPodNames, nowMs: () => clock.now() })
    this.#answers = {
      ...options,
      index: this.#index,
      localAddresses: () => (setup.hosts.length > 0 ? setup.hosts : network.localAddresses()),
      resolve: (query) => setup.resolve(query),
    }
  }

  async prepare(): Promise<void> {
    const { clock, random, log, logger, cluster } = this.#setup
    const lines = log.of(name)
    const client = cluster(this.#options.access)
    this.#close = () => client.close()
    const factory = informerFactory({ client, clock, random, logger, signal: this.#ending.signal, transform: slim })
    this.#informers = factory
    this.#watch(factory)
    factory.start()
    const synced = factory.synced().then(
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
    this.#ending.abort()
    this.#informers?.stop()
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

  #watch(factory: InformerFactory): void {
    const index = this.#index
    const { labelSelector, namespaceLabelSelector, endpoints, pods } = this.#options
    const labelled = labelSelector === '' ? {} : { labelSelector }
    const namespaces = namespaceLabelSelector === '' ? {} : { labelSelector: namespaceLabelSelector }
    factory.informer<Namespace>(resources.namespaces, namespaces).addHandler({
      onAdd: (object) => index.setNamespace(object),
      onDelete: (object) => index.deleteNamespace(object),
    })
    factory.informer<Service>(resources.services, labelled).addHandler({
      onAdd: (object) => index.setService(object),
      onUpdate: (object) => index.setService(object),
      onDelete: (object) => index.deleteService(object),
    })
    if (endpoints)
      factory.informer<EndpointSlice>(resources.endpointSlices, labelled).addHandler({
        onAdd: (object) => index.setSlice(object),
        onUpdate: (object) => index.setSlice(object),
        onDelete: (object) => index.deleteSlice(object),
      })
    if (pods === 'verified')
      factory.informer<Pod>(resources.pods, labelled).addHandler({
        onAdd: (object) => index.setPod(object),
        onUpdate: (object, old) => index.setPod(object, old),
        onDelete: (object) => index.deletePod(object),
      })
  }
}

/** What the caches keep of an object: a cluster has tens of thousands. */
function slim(object: KubeObject): void {
  const { name: own, namespace, uid, resourceVersion, labels } = object.metadata
  const service = labels?.['kubernetes.io/service-name']
  object.metadata = {
    ...{ name: own, namespace, uid, resourceVersion },
    ...(service ? { labels: { 'kubernetes.io/service-name': service } } : {}),
  }
  const { spec, status, endpoints } = object as Partial<Pod> & Partial<EndpointSlice>
  if (endpoints)
    (object as unknown as EndpointSlice).endpoints = endpoints.map(({ addresses, conditions, hostname, targetRef }) => ({
      addresses,
      ...(conditions?.ready === false ? { conditions: { ready: false } } : {}),
      ...(hostname ? { hostname } : {}),
      ...(targetRef?.name ? { targetRef: { name: targetRef.name } } : {}),
    }))
  if (!spec || !('containers' in spec)) return
  delete (object as Partial<Pod>).spec
  const pod = object as unknown as Pod
  pod.status = { podIP: status?.podIP, podIPs: status?.podIPs }
}
