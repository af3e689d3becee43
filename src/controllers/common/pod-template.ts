import type { KubeObject } from '../../api/object.js'
import type { Pod, PodTemplateSpec } from '../../api/types/core-v1.js'
import type { OwnerReference } from '../../api/types/meta-v1.js'

/** A pod from a template: labels, annotations, finalizers and spec copied, named by generateName unless a name is given. */
export function podFromTemplate(template: PodTemplateSpec, parent: KubeObject, owner: OwnerReference, name?: string): Pod {
  const copy = structuredClone(template)
  const { labels, annotations, finalizers } = copy.metadata ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(name === undefined ? { generateName: `${parent.metadata.name ?? ''}-` } : { name }),
      namespace: parent.metadata.namespace,
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [owner],
    },
    ...(copy.spec ? { spec: copy.spec } : {}),
  }
}

/** A short, stable hash of any JSON value (FNV-1a over its canonical text), in the alphabet of generated names. */
export function hashOf(value: unknown, collisionCount?: number): string {
  let hash = 0x811c9dc5
  const text = canonical(value) + (collisionCount ? String(collisionCount) : '')
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0
  return safeEncode(String(hash))
}

const alphabet = 'bcdfghjklmnpqrstvwxz2456789'
function safeEncode(text: string): string {
  let safe = ''
  for (const char of text) safe += alphabet[char.charCodeAt(0) % alphabet.length]
  return safe
}

/** JSON with sorted keys and without undefined members: equal values give equal text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`)
    return `{${members.join(',')}}`
  }
  return JSON.stringify(value) ?? 'null'
}
