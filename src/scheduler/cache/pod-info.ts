/** A pod with what the scheduler reads of it again and again, computed once. Immutable: a changed pod is another PodInfo. */
import { keyOf } from '../../api/object.js'
import type { Pod } from '../../api/types/core-v1.js'
import { type PodRequests, podRequests } from './requests.js'
import { type PodTerms, podTerms } from './pod-term.js'

export interface HostPort {
  /** "0.0.0.0" for every address. */
  readonly ip: string
  readonly protocol: string
  readonly port: number
}

const noPorts: readonly HostPort[] = []
const noLabels: Readonly<Record<string, string>> = {}

export class PodInfo {
  readonly key: string
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly priority: number
  readonly labels: Readonly<Record<string, string>>
  #requests: PodRequests | undefined
  #terms: PodTerms | undefined
  #hostPorts: readonly HostPort[] | undefined

  constructor(readonly pod: Pod) {
    const { metadata, spec } = pod
    this.key = keyOf(pod)
    this.uid = metadata.uid ?? ''
    this.namespace = metadata.namespace ?? ''
    this.name = metadata.name ?? ''
    this.priority = spec?.priority ?? 0
    this.labels = metadata.labels ?? noLabels
  }

  get requests(): PodRequests {
    return (this.#requests ??= podRequests(this.pod))
  }

  get terms(): PodTerms {
    return (this.#terms ??= podTerms(this.pod.spec?.affinity, this))
  }

  get hostPorts(): readonly HostPort[] {
    return (this.#hostPorts ??= hostPortsOf(this.pod))
  }

  get isTerminating(): boolean {
    return this.pod.metadata.deletionTimestamp !== undefined
  }

  /** The node it runs on or was bound to; '' for none. */
  get nodeName(): string {
    return this.pod.spec?.nodeName ?? ''
  }

  get nominatedNodeName(): string {
    return this.pod.status?.nominatedNodeName ?? ''
  }

  get schedulerName(): string {
    return this.pod.spec?.schedulerName ?? 'default-scheduler'
  }
}

/** Of the containers and of the sidecars: those run as long as the pod. */
function hostPortsOf({ spec }: Pod): readonly HostPort[] {
  let found: HostPort[] | undefined
  const sidecars = spec?.initContainers?.filter(({ restartPolicy }) => restartPolicy === 'Always') ?? []
  for (const { ports } of [...sidecars, ...(spec?.containers ?? [])]) {
    for (const { hostPort, hostIP, protocol } of ports ?? []) {
      if (!hostPort) continue
      found ??= []
      found.push({ ip: hostIP || '0.0.0.0', protocol: protocol ?? 'TCP', port: hostPort })
    }
  }
  return found ?? noPorts
}
