/**
 * Pods by the choices that policies make among them, kept current pod by pod. A choice that several policies make is kept once; its
 * addresses, and the ports of its pods by name, are sets of the ruleset while somebody asks for them.
 */
import type { IpFamily } from '../../api/ip.js'
import type { Labels } from '../../api/selectors/label.js'
import { assert } from '../../base/errors.js'
import type { Ruleset } from '../ruleset/ruleset.js'
import type { NamedPort } from './compile.js'
import type { PolicyPod } from './pod.js'
import { type Selection, selects } from './selection.js'

type Names = Partial<Record<IpFamily, string>>

export interface ChoicesOptions {
  readonly ruleset: Ruleset
  /** Of this node's pods. */
  readonly families: readonly IpFamily[]
  /** A pod is chosen now, or no longer, or it has changed. */
  changed(choice: Choice, key: string): void
}

export interface Choice {
  readonly selection: Selection
  readonly members: ReadonlyMap<string, PolicyPod>
}

interface Kept extends Choice {
  readonly members: Map<string, PolicyPod>
  readonly outputs: Map<string, Output>
  users: number
}

/** A pair of sets: of addresses, or of addresses with the port of a name. */
interface Output {
  readonly port: NamedPort | undefined
  readonly names: Names
  users: number
}

const addressType = { IPv4: 'ipv4_addr', IPv6: 'ipv6_addr' } as const
const endpointType = ' . inet_proto . inet_service'

export class Choices {
  readonly #options: ChoicesOptions
  readonly #pods = new Map<string, PolicyPod>()
  readonly #podsByNamespace = new Map<string, Map<string, PolicyPod>>()
  readonly #namespaces = new Map<string, Labels>()
  readonly #kept = new Map<string, Kept>()
  readonly #keptByNamespace = new Map<string, Set<Kept>>()
  /** Those that are not of one namespace. */
  readonly #wide = new Set<Kept>()
  #made = 0
  readonly #labelsOf = (namespace: string) => this.#namespaces.get(namespace)

  constructor(options: ChoicesOptions) {
    this.#options = options
  }

  pod(key: string): PolicyPod | undefined {
    return this.#pods.get(key)
  }

  get podCount(): number {
    return this.#pods.size
  }

  setPod(pod: PolicyPod): void {
    this.#pods.set(pod.key, pod)
    let inNamespace = this.#podsByNamespace.get(pod.namespace)
    if (!inNamespace) this.#podsByNamespace.set(pod.namespace, (inNamespace = new Map()))
    inNamespace.set(pod.key, pod)
    for (const kept of this.#keptByNamespace.get(pod.namespace) ?? []) this.#judge(kept, pod)
    for (const kept of this.#wide) this.#judge(kept, pod)
  }

  deletePod(key: string): void {
    const pod = this.#pods.get(key)
    if (!pod) return
    this.#pods.delete(key)
    const inNamespace = this.#podsByNamespace.get(pod.namespace)
    inNamespace?.delete(key)
    if (inNamespace?.size === 0) this.#podsByNamespace.delete(pod.namespace)
    for (const kept of this.#keptByNamespace.get(pod.namespace) ?? []) this.#move(kept, key, undefined)
    for (const kept of this.#wide) this.#move(kept, key, undefined)
  }

  /** undefined: there is no such namespace any more. */
  setNamespace(name: string, labels: Labels | undefined): void {
    if (labels) this.#namespaces.set(name, labels)
    else this.#namespaces.delete(name)
    const pods = this.#podsByNamespace.get(name)
    if (!pods) return
    for (const kept of this.#wide) {
      if (kept.selection.namespaces.empty) continue
      for (const pod of pods.values()) this.#judge(kept, pod)
    }
  }

  /** Kept until `release`. */
  acquire(selection: Selection): Choice {
    let kept = this.#kept.get(selection.key)
    if (!kept) {
      kept = { selection, members: new Map(), outputs: new Map(), users: 0 }
      this.#kept.set(selection.key, kept)
      this.#placeOf(selection).add(kept)
      const pods = selection.namespace === undefined ? this.#pods : this.#podsByNamespace.get(selection.namespace)
      for (const pod of pods?.values() ?? []) if (selects(selection, pod, this.#labelsOf)) kept.members.set(pod.key, pod)
    }
    kept.users++
    return kept
  }

  release(selection: Selection): void {
    const kept = this.#known(selection)
    kept.users--
    if (kept.users > 0) return
    assert(kept.outputs.size === 0, 'nobody uses the sets of a choice that is released')
    this.#kept.delete(selection.key)
    const place = this.#placeOf(selection)
    place.delete(kept)
    if (selection.namespace !== undefined && place.size === 0) this.#keptByNamespace.delete(selection.namespace)
  }

  /** The sets with the addresses of a choice (or with its endpoints by a port's name), until `releaseSets`; acquires the choice too. */
  acquireSets(selection: Selection, port?: NamedPort): Names {
    const kept = this.acquire(selection) as Kept
    const key = outputKey(port)
    let output = kept.outputs.get(key)
    if (!output) {
      output = { port, names: {}, users: 0 }
      kept.outputs.set(key, output)
      const id = ++this.#made
      for (const family of this.#options.families) {
        const name = `${port ? 'ports' : 'pods'}-${id}-${family === 'IPv4' ? '4' : '6'}`
        this.#options.ruleset.define({ name, type: port ? addressType[family] + endpointType : addressType[family] })
        output.names[family] = name
      }
      for (const pod of kept.members.values()) this.#write('add', output, pod)
    }
    output.users++
    return output.names
  }

  releaseSets(selection: Selection, port?: NamedPort): void {
    const kept = this.#known(selection)
    const key = outputKey(port)
    const output = kept.outputs.get(key)
    assert(output, 'the sets that are released were acquired')
    output.users--
    if (output.users === 0) {
      for (const name of Object.values(output.names)) this.#options.ruleset.drop(name)
      kept.outputs.delete(key)
    }
    this.release(selection)
  }

  #judge(kept: Kept, pod: PolicyPod): void {
    this.#move(kept, pod.key, selects(kept.selection, pod, this.#labelsOf) ? pod : undefined)
  }

  #move(kept: Kept, key: string, now: PolicyPod | undefined): void {
    const was = kept.members.get(key)
    if (was === now) return
    // Added first: an address that stays is never seen to go.
    for (const output of kept.outputs.values()) {
      if (now) this.#write('add', output, now)
      if (was) this.#write('remove', output, was)
    }
    if (now) kept.members.set(key, now)
    else kept.members.delete(key)
    this.#options.changed(kept, key)
  }

  #write(verb: 'add' | 'remove', { port, names }: Output, pod: PolicyPod): void {
    for (const { family, text } of pod.addresses) {
      const name = names[family]
      if (!name) continue
      if (!port) this.#options.ruleset[verb](name, text)
      else
        for (const own of pod.ports)
          if (own.name === port.name && own.protocol === port.protocol)
            this.#options.ruleset[verb](name, `${text} . ${own.protocol.toLowerCase()} . ${own.port}`)
    }
  }

  #placeOf({ namespace }: Selection): Set<Kept> {
    if (namespace === undefined) return this.#wide
    let place = this.#keptByNamespace.get(namespace)
    if (!place) this.#keptByNamespace.set(namespace, (place = new Set()))
    return place
  }

  #known(selection: Selection): Kept {
    const kept = this.#kept.get(selection.key)
    assert(kept, 'the choice that is released was acquired')
    return kept
  }
}

function outputKey(port: NamedPort | undefined): string {
  return port ? `${port.protocol} ${port.name}` : ''
}
