import type { ConfigMap, Container, EnvVar, Pod, Secret, Volume } from '../../api/types/core-v1.js'
import { hasReason } from '../../api/status.js'
import type { Clock } from '../../base/clock.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import { RuntimeError } from '../runtime.js'

/**
 * ConfigMaps and Secrets that a pod cannot start without: those of its volumes before anything runs, those of a container's
 * environment before that container does. Where nothing is mounted for real, whether they are there is all that matters; what was
 * found is remembered for a minute (upstream's cache of the kubelet), so that a thousand pods ask once.
 */
type Kind = 'configmap' | 'secret'

export interface Need {
  readonly kind: Kind
  readonly name: string
  /** Keys that it must have. */
  readonly keys: readonly string[]
}

export interface VolumeNeed extends Need {
  readonly volume: string
}

const rememberMs = 60_000
const rememberedMax = 10_000

export class References {
  readonly #clock: Clock
  readonly #client: Client
  /** "KIND/NAMESPACE/NAME" → its keys; only what exists. */
  readonly #known = new Map<string, { readonly keys: readonly string[]; readonly untilMs: number }>()
  readonly #asked = new Map<string, Promise<readonly string[] | undefined>>()

  constructor(client: Client, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  /** Rejects with what the event about the failed mount says. */
  async mount(pod: Pod): Promise<void> {
    for (const need of volumeNeeds(pod)) {
      const keys = await this.#keysOf(need, pod)
      const failed = (why: string) => new RuntimeError('FailedMount', `MountVolume.SetUp failed for volume "${need.volume}" : ${why}`)
      if (!keys) throw failed(`${need.kind} "${need.name}" not found`)
      if (need.keys.some((key) => !keys.includes(key)))
        throw failed(
          `references non-existent ${need.kind === 'secret' ? 'secret' : 'config'} key: ${need.keys.find((key) => !keys.includes(key))}`,
        )
    }
  }

  /** Rejects with CreateContainerConfigError. */
  async environment(pod: Pod, container: Container): Promise<void> {
    for (const need of environmentNeeds(container)) {
      const keys = await this.#keysOf(need, pod)
      if (!keys) throw new RuntimeError('CreateContainerConfigError', `${need.kind} "${need.name}" not found`)
      const missing = need.keys.find((key) => !keys.includes(key))
      const kind = need.kind === 'secret' ? 'Secret' : 'ConfigMap'
      if (missing !== undefined)
        throw new RuntimeError(
          'CreateContainerConfigError',
          `couldn't find key ${missing} in ${kind} ${pod.metadata.namespace}/${need.name}`,
        )
    }
  }

  #keysOf({ kind, name }: Need, { metadata: { namespace = '' } }: Pod): Promise<readonly string[] | undefined> {
    const key = `${kind}/${namespace}/${name}`
    const known = this.#known.get(key)
    if (known && known.untilMs > this.#clock.now()) return Promise.resolve(known.keys)
    let asked = this.#asked.get(key)
    if (!asked) {
      asked = this.#ask(kind, namespace, name, key).finally(() => this.#asked.delete(key))
      this.#asked.set(key, asked)
    }
    return asked
  }

  async #ask(kind: Kind, namespace: string, name: string, key: string): Promise<readonly string[] | undefined> {
    const of = kind === 'secret' ? resources.secrets : resources.configMaps
    try {
      const { data, binaryData } = await this.#client.resource<ConfigMap & Pick<Secret, 'data'>>(of).get(namespace, name)
      const keys = [...Object.keys(data ?? {}), ...Object.keys(binaryData ?? {})]
      if (this.#known.size >= rememberedMax) this.#known.clear()
      this.#known.set(key, { keys, untilMs: this.#clock.now() + rememberMs })
      return keys
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    }
  }
}

/** What the volumes of a pod need; optional sources need nothing. */
export function volumeNeeds({ spec }: Pod): VolumeNeed[] {
  return (spec?.volumes ?? []).flatMap((volume) => needsOf(volume).map((need) => ({ ...need, volume: volume.name })))
}

type Items = readonly { readonly key: string }[] | undefined

function needsOf({ configMap, secret, projected }: Volume): Need[] {
  const needs: Need[] = []
  const add = (kind: Kind, name: string | undefined, items: Items, optional: boolean | undefined) => {
    if (name && !optional) needs.push({ kind, name, keys: (items ?? []).map(({ key }) => key) })
  }
  add('configmap', configMap?.name, configMap?.items, configMap?.optional)
  add('secret', secret?.secretName, secret?.items, secret?.optional)
  for (const source of projected?.sources ?? []) {
    add('configmap', source.configMap?.name, source.configMap?.items, source.configMap?.optional)
    add('secret', source.secret?.name, source.secret?.items, source.secret?.optional)
  }
  return needs
}

export function environmentNeeds({ env = [], envFrom = [] }: Pick<Container, 'env' | 'envFrom'>): Need[] {
  const needs: Need[] = []
  for (const { configMapRef, secretRef } of envFrom) {
    if (configMapRef?.name && !configMapRef.optional) needs.push({ kind: 'configmap', name: configMapRef.name, keys: [] })
    if (secretRef?.name && !secretRef.optional) needs.push({ kind: 'secret', name: secretRef.name, keys: [] })
  }
  for (const variable of env) addVariable(needs, variable)
  return needs
}

function addVariable(needs: Need[], { valueFrom }: EnvVar): void {
  const { configMapKeyRef: configMap, secretKeyRef: secret } = valueFrom ?? {}
  if (configMap?.name && !configMap.optional) needs.push({ kind: 'configmap', name: configMap.name, keys: [configMap.key] })
  if (secret?.name && !secret.optional) needs.push({ kind: 'secret', name: secret.name, keys: [secret.key] })
}
