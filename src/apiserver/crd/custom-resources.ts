/**
 * Serves what CustomResourceDefinitions define. Every API server watches them: it accepts names, writes their status, adds and
 * removes what is served, and clears away the objects of a definition that is being deleted. Several servers may do so at once:
 * each step is idempotent, and whoever comes second finds it done.
 */
import { apiVersionOf, type KubeObject } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { PatternCompiler } from '../../api/structural/validate.js'
import type { CustomResourceDefinition } from '../../api/types/apiextensions-v1.js'
import type { APIService } from '../../api/types/apiregistration-v1.js'
import type { Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import type { ServerAccess, ServerLister } from '../access.js'
import type { PostStartHook } from '../bootstrap/post-start-hook.js'
import type { CacherDeps } from '../builtin-resources.js'
import { cleanupFinalizer } from '../registry/apiextensions/custom-resource-definition.js'
import type { ServedResource } from '../registry/resource.js'
import { sameJson } from '../../api/same-json.js'
import type { Resources } from '../resources.js'
import { isTrue, wantedStatus, withCondition } from './conditions.js'
import { servedVersions } from './served-versions.js'

type Definition = CustomResourceDefinition

const definitions = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' }
const apiServices = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' }
const automanaged = { 'kube-aggregator.kubernetes.io/automanaged': 'true' }
/** After a step that failed, and between looks at objects whose finalizers hold a definition. */
const retryMs = 500

export interface CustomResourcesDeps {
  readonly access: ServerAccess
  readonly resources: Resources
  readonly cacherDeps: CacherDeps
  readonly clock: Clock
  readonly logger: Logger
}

interface Serving {
  /** What of the definition decides what is served. */
  readonly fingerprint: string
  readonly versions: readonly ServedResource[]
}

export class CustomResources {
  readonly #deps: CustomResourcesDeps
  readonly #lister: ServerLister<Definition>
  readonly #serving = new Map<string, Serving>()
  readonly #dirty = new Set<string>()
  readonly #busy = new Set<string>()
  #patterns: PatternCompiler | undefined
  #stopped = false

  constructor(deps: CustomResourcesDeps) {
    this.#deps = deps
    this.#lister = deps.access.lister<Definition>(definitions)
  }

  /** Resolves once everything that is defined now is served. */
  hook(): PostStartHook {
    return {
      name: 'crd-informer-synced',
      start: async (signal) => {
        signal.addEventListener('abort', () => {
          this.#stopped = true
        })
        const end = this.#lister.onChange((name, definition, old) => {
          this.#enqueue(name)
          // A name that has become free may be what another waits for.
          const group = (definition ?? old)?.spec.group
          if (!definition || !sameJson(definition.status?.acceptedNames, old?.status?.acceptedNames))
            for (const other of this.#inGroup(group ?? '')) if (!isTrue(other, 'NamesAccepted')) this.#enqueue(other.metadata.name ?? '')
        })
        signal.addEventListener('abort', end)
        await this.#lister.synced()
        await Promise.all(this.#lister.list().map(({ metadata }) => this.#process(metadata.name ?? '')))
      },
    }
  }

  #inGroup(group: string): readonly Definition[] {
    return this.#lister.list().filter(({ spec }) => spec.group === group)
  }

  #enqueue(name: string): void {
    this.#dirty.add(name)
    if (!this.#busy.has(name)) void this.#work(name)
  }

  async #work(name: string): Promise<void> {
    this.#busy.add(name)
    while (this.#dirty.delete(name) && !this.#stopped) {
      try {
        if (await this.#process(name)) continue
        this.#retry(name)
      } catch (error) {
        if (hasReason(error, 'Conflict') || hasReason(error, 'NotFound')) continue
        this.#deps.logger.warn('A custom resource definition cannot be brought up to date', { name, error: messageOf(error) })
        this.#retry(name)
      }
    }
    this.#busy.delete(name)
  }

  #retry(name: string): void {
    this.#deps.clock.timer(retryMs, () => {
      if (!this.#stopped) this.#enqueue(name)
    })
  }

  /** False: there is more to do, later. */
  async #process(name: string): Promise<boolean> {
    const definition = this.#lister.get(name)
    if (!definition) {
      await this.#withdraw(name)
      return true
    }
    if (isTrue(definition, 'Established')) await this.#serve(name, definition)
    if (definition.metadata.deletionTimestamp) return this.#clearAway(definition)
    await this.#writeStatus(definition)
    return true
  }

  async #writeStatus(definition: Definition): Promise<void> {
    const others = this.#inGroup(definition.spec.group).filter(({ metadata }) => metadata.name !== definition.metadata.name)
    const status = wantedStatus(definition, others, this.#deps.clock.now())
    if (sameJson(status, definition.status)) return
    await this.#deps.access.client.resource<Definition>(definitions).updateStatus({ ...definition, status })
  }

  async #serve(name: string, definition: Definition): Promise<void> {
    const { spec, status, metadata } = definition
    const fingerprint = JSON.stringify([metadata.uid, spec, status?.acceptedNames, metadata.deletionTimestamp !== undefined])
    if (this.#serving.get(name)?.fingerprint === fingerprint) return
    this.#patterns ??= await loadPatterns()
    const before = this.#serving.get(name)
    const versions = servedVersions(definition, this.#deps.cacherDeps, this.#patterns)
    this.#serving.set(name, { fingerprint, versions })
    const { resources } = this.#deps
    for (const old of before?.versions ?? []) resources.remove(old.info)
    for (const version of versions) {
      const known = resources.find(version.info)
      // What is built in is nobody's to replace.
      if (!known || known.info.typeId === 'custom') resources.add(version)
    }
    for (const { stored } of before?.versions ?? []) stored.cacher.stop()
    this.#register(versions)
  }

  async #withdraw(name: string): Promise<void> {
    const serving = this.#serving.get(name)
    if (!serving) return
    this.#serving.delete(name)
    for (const { info, stored } of serving.versions) {
      this.#deps.resources.remove(info)
      stored.cacher.stop()
    }
    const services = this.#deps.access.client.resource<APIService>(apiServices)
    for (const { info } of serving.versions) {
      const stillServed = this.#deps.resources.infos().some(({ group, version }) => group === info.group && version === info.version)
      if (!stillServed) await services.delete('', `${info.version}.${info.group}`).catch(ignoring('NotFound'))
    }
  }

  /** APIServices tell that this very server has the group. */
  #register(versions: readonly ServedResource[]): void {
    const services = this.#deps.access.client.resource<APIService>(apiServices)
    for (const { info } of versions) {
      const { group, version } = info
      const spec = { group, version, groupPriorityMinimum: 1000, versionPriority: 100 }
      const name = `${version}.${group}`
      services
        .create({ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name, labels: automanaged }, spec })
        .catch(ignoring('AlreadyExists'))
        .catch((error: unknown) => this.#deps.logger.warn('An APIService cannot be written', { name, error: messageOf(error) }))
    }
  }

  /** False while objects are left. */
  async #clearAway(definition: Definition): Promise<boolean> {
    const { metadata } = definition
    if (!metadata.finalizers?.includes(cleanupFinalizer)) return true
    const client = this.#deps.access.client.resource<Definition>(definitions)
    const [served] = this.#serving.get(metadata.name ?? '')?.versions ?? []
    if (served && (await this.#deleteObjects(served)) > 0) return false
    const current = await client.get('', metadata.name ?? '')
    const conditions = withCondition(
      current.status?.conditions ?? [],
      { type: 'Terminating', status: 'False', reason: 'InstanceDeletionCompleted', message: 'removed all instances' },
      this.#deps.clock.now(),
    )
    const written = await client.updateStatus({ ...current, status: { ...current.status, conditions } })
    const finalizers = (written.metadata.finalizers ?? []).filter((finalizer) => finalizer !== cleanupFinalizer)
    await client.update({ ...written, metadata: { ...written.metadata, finalizers } })
    return true
  }

  /** How many are left. */
  async #deleteObjects({ info }: ServedResource): Promise<number> {
    const client = this.#deps.access.client.resource<KubeObject>(info)
    const { items } = await client.list()
    const namespaces = new Set(items.map(({ metadata }) => metadata.namespace ?? ''))
    await Promise.all([...namespaces].map((namespace) => client.deleteCollection({ namespace })))
    if (items.length === 0) return 0
    const left = (await client.list()).items.length
    if (left > 0)
      this.#deps.logger.info('Custom objects wait for their finalizers', { resource: `${info.resource}.${apiVersionOf(info)}`, left })
    return left
  }
}

function ignoring(reason: string): (error: unknown) => undefined {
  return (error) => {
    if (!hasReason(error, reason)) throw error
    return undefined
  }
}

/** RE2's syntax and its linear time: a pattern comes from whoever may write a definition. Loaded with the first one. */
async function loadPatterns(): Promise<PatternCompiler> {
  const { RE2JS } = await import('re2js')
  return (pattern) => {
    const compiled = RE2JS.compile(pattern)
    return (text) => compiled.matcher(text).find()
  }
}
