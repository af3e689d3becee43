import type { ConfigMap, Container, EnvFromSource, EnvVar, Pod, Secret, Service } from '../../api/types/core-v1.js'
import { RuntimeError } from '../runtime.js'
import type { AnyContainer, EnvironmentVariable } from '../volumes/pod-resources.js'
import { expand } from './expansion.js'
import { type FieldContext, fieldValue } from './field-ref.js'
import { resourceFieldValue } from './resource-field-ref.js'
import { serviceVariables } from './service-variables.js'

/**
 * The environment of a container: what envFrom brings, over it env in its order, each value expanded by those before it, and
 * below both the variables of Services. Whatever is missing and not optional is CreateContainerConfigError with upstream's text.
 */
export interface EnvironmentSources extends FieldContext {
  readonly allocatable: Readonly<Record<string, string>>
  readonly services: readonly Service[]
  /** Undefined when there is no such object. */
  configMap(name: string): Promise<ConfigMap | undefined>
  secret(name: string): Promise<Secret | undefined>
  /** The environment file of a volume of the pod (KEP-3721); undefined when there is none. */
  file(volume: string, path: string): Promise<string | undefined>
}

const decoder = new TextDecoder()

export async function environmentOf(pod: Pod, container: AnyContainer, sources: EnvironmentSources): Promise<EnvironmentVariable[]> {
  const { env = [], envFrom = [] } = container
  const services = serviceVariables(sources.services)
  const own = new Map<string, string>()
  for (const from of envFrom) for (const [name, value] of await valuesFrom(from, sources)) own.set(name, value)
  const known = (name: string) => own.get(name) ?? services.get(name)
  for (const variable of env) {
    const value = variable.value ? expand(variable.value, known) : await valueFrom(pod, container, variable, sources)
    if (value !== undefined) own.set(variable.name, value)
  }
  for (const [name, value] of services) if (!own.has(name)) own.set(name, value)
  return [...own].map(([name, value]) => ({ name, value }))
}

async function valuesFrom(from: EnvFromSource, sources: EnvironmentSources): Promise<[string, string][]> {
  const { prefix = '', configMapRef, secretRef } = from
  const values: [string, string][] = []
  if (configMapRef) {
    const map = await sources.configMap(configMapRef.name ?? '')
    if (!map && !configMapRef.optional) throw missing(`configmap "${configMapRef.name}" not found`)
    for (const [key, value] of Object.entries(map?.data ?? {})) values.push([prefix + key, value])
  }
  if (secretRef) {
    const secret = await sources.secret(secretRef.name ?? '')
    if (!secret && !secretRef.optional) throw missing(`secret "${secretRef.name}" not found`)
    for (const [key, value] of Object.entries(secret?.data ?? {})) values.push([prefix + key, fromBase64(value)])
  }
  return values
}

async function valueFrom(
  pod: Pod,
  container: AnyContainer,
  { valueFrom: from }: EnvVar,
  sources: EnvironmentSources,
): Promise<string | undefined> {
  if (!from) return ''
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = from
  try {
    if (fieldRef) return fieldValue(pod, fieldRef.fieldPath, sources)
    if (resourceFieldRef) {
      const of = resourceFieldRef.containerName ? containerOf(pod, resourceFieldRef.containerName) : container
      return resourceFieldValue(of, resourceFieldRef, sources.allocatable)
    }
  } catch (error) {
    throw missing((error as Error).message, error)
  }
  if (configMapKeyRef) return keyOfObject('ConfigMap', pod, configMapKeyRef, await sources.configMap(configMapKeyRef.name ?? ''))
  if (secretKeyRef) {
    const value = keyOfObject('Secret', pod, secretKeyRef, await sources.secret(secretKeyRef.name ?? ''))
    return value === undefined ? undefined : fromBase64(value)
  }
  if (!fileKeyRef) return ''
  const { volumeName, path, key, optional } = fileKeyRef
  const text = await sources.file(volumeName, path)
  const value = text === undefined ? undefined : environmentFileValue(text, key)
  if (value === undefined && !optional) throw missing(`environment variable key "${key}" not found in file "${path}"`)
  return value
}

interface KeySelector {
  readonly key: string
  readonly name?: string
  readonly optional?: boolean
}

function keyOfObject(
  kind: 'ConfigMap' | 'Secret',
  { metadata: { namespace } }: Pod,
  { key, name, optional }: KeySelector,
  object: { readonly data?: Readonly<Record<string, string>> } | undefined,
): string | undefined {
  const value = object?.data?.[key]
  if (value !== undefined || optional) return value
  if (!object) throw missing(`${kind.toLowerCase()} "${name}" not found`)
  throw missing(`couldn't find key ${key} in ${kind} ${namespace}/${name}`)
}

/** The file of fileKeyRef: NAME='value', the value as it stands between single quotes, over several lines if it has them. */
export function environmentFileValue(text: string, key: string): string | undefined {
  const entry = /^[ \t]*(?:#[^\n]*|([^\s=#][^=\n]*)='([^']*)'[ \t]*)?(?:\n|$)/gm
  let value: string | undefined
  for (const [, name, found] of text.matchAll(entry)) if (name === key) value = found
  return value
}

export function containerOf({ spec }: Pod, name: string): Container {
  const found = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].find((container) => container.name === name)
  if (!found) throw new Error(`container ${name} not found`)
  return found
}

function missing(message: string, cause?: unknown): RuntimeError {
  return new RuntimeError('CreateContainerConfigError', message, cause === undefined ? undefined : { cause })
}

function fromBase64(text: string): string {
  return decoder.decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)))
}
