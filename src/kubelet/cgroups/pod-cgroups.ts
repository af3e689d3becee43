import type { Pod } from '../../api/types/core-v1.js'
import { qosClassOf } from '../pods/qos.js'
import { burstableShares, cpuShares, type LimitOptions, type Limits, podLimits } from './limits.js'
import { type CgroupDriver, cgroupName, podParts, type QosClass, qosParts } from './names.js'

/**
 * The groups that pods run in: one for all pods, limited to what the node may give them, one for each class of quality of service, one
 * a pod. A runtime asks for a pod's group before it makes the sandbox, and has it removed when the pod's last process has ended.
 */
export interface CgroupFiles {
  create(path: string, limits?: Limits): Promise<void>
  limit(path: string, limits: Limits): Promise<void>
  remove(path: string): Promise<void>
  children(path: string): Promise<string[]>
}

export interface PodCgroupsOptions extends LimitOptions {
  readonly files: CgroupFiles
  readonly driver: CgroupDriver
  /** cgroupRoot */
  readonly root: string
  /** What pods may have together: the capacity less the reservations. */
  readonly node: { readonly cpuMilli: number; readonly memoryBytes: number; readonly processes?: number }
}

export class PodCgroups {
  readonly #options: PodCgroupsOptions
  readonly #pods = new Map<string, Pod>()
  #burstable = 0

  constructor(options: PodCgroupsOptions) {
    this.#options = options
  }

  /** Makes the groups above the pods'. */
  async start(): Promise<void> {
    const { files, node } = this.#options
    const { cpuMilli, memoryBytes, processes = -1 } = node
    await files.create(this.#path(['kubepods']), { cpuShares: cpuShares(cpuMilli), memoryBytes, processes })
    await files.create(this.#path(qosParts('BestEffort')), { cpuShares: 2 })
    await files.create(this.#path(qosParts('Burstable')), { cpuShares: 2 })
  }

  /** What the CRI is told as the sandbox's cgroup_parent. */
  parent(pod: Pod): string {
    return this.#name(podParts(pod.metadata.uid ?? '', qosClassOf(pod))).parent
  }

  path(pod: Pod): string {
    return this.#path(podParts(pod.metadata.uid ?? '', qosClassOf(pod)))
  }

  /** Makes the pod's group, or brings its limits up to date (in-place resize, KEP-1287). */
  async ensure(pod: Pod): Promise<string> {
    this.#pods.set(pod.metadata.uid ?? '', pod)
    await this.#shareBurstable()
    await this.#options.files.create(this.path(pod), podLimits(pod, this.#options))
    return this.parent(pod)
  }

  /** All pods that run: also those whose groups an earlier process made count towards what their class shares. */
  async follow(pods: Iterable<Pod>): Promise<void> {
    this.#pods.clear()
    for (const pod of pods) this.#pods.set(pod.metadata.uid ?? '', pod)
    await this.#shareBurstable()
  }

  async remove(uid: string): Promise<void> {
    this.#pods.delete(uid)
    for (const qos of ['Guaranteed', 'Burstable', 'BestEffort'] as const) await this.#options.files.remove(this.#path(podParts(uid, qos)))
    await this.#shareBurstable()
  }

  /** Groups of pods that are none of these: left behind by an earlier process. */
  async sweep(uids: ReadonlySet<string>): Promise<void> {
    for (const qos of ['Guaranteed', 'Burstable', 'BestEffort'] as const) {
      for (const name of await this.#options.files.children(this.#path(qosParts(qos)))) {
        const uid = this.#uidOf(name)
        if (uid !== undefined && !uids.has(uid)) await this.#options.files.remove(this.#path(podParts(uid, qos))).catch(() => undefined)
      }
    }
  }

  async #shareBurstable(): Promise<void> {
    const shares = burstableShares(this.#pods.values())
    if (shares === this.#burstable) return
    this.#burstable = shares
    await this.#options.files.limit(this.#path(qosParts('Burstable')), { cpuShares: shares })
  }

  #uidOf(name: string): string | undefined {
    const found = this.#options.driver === 'cgroupfs' ? /^pod(.+)$/.exec(name) : /-pod([^-]+)\.slice$/.exec(name)
    return found?.[1]?.replaceAll('_', '-')
  }

  #name(parts: readonly string[]) {
    return cgroupName(this.#options.driver, this.#options.root, parts)
  }

  #path(parts: readonly string[]): string {
    return this.#name(parts).path
  }
}

export type { QosClass }
