import type { UnknownObject } from '../../object.js'
import { builtinResources } from '../../registry.js'
import { kindCodec } from '../../scheme.js'
import { Faults } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { kindRules } from '../kinds.js'

/** Objects as a client would give them: decoded and defaulted, then judged. Faults read "Invalid spec.replicas". */
export function judge(key: string, object: object, old?: object, subresource = ''): string[] {
  const rules = kindRules[key] as KindRules<UnknownObject> | undefined
  if (!rules) throw new Error(`no rules of ${key}`)
  const faults = new Faults()
  const [now, before] = [complete(key, object), old && complete(key, old)]
  if (!before) rules.create(faults, now)
  else if (subresource === '') rules.update(faults, now, before)
  else if (subresource === 'status') rules.status?.(faults, now, before)
  else rules.subresources?.[subresource]?.(faults, now, before)
  return faults.list.map(({ reason, path }) => `${reason.replace('FieldValue', '')} ${path}`)
}

export function complete(key: string, object: object): UnknownObject {
  const info = builtinResources().find(({ group, resource }) => `${group}/${resource}` === key)
  const codec = info && kindCodec(info)
  if (!codec) throw new Error(`no kind of ${key}`)
  const decoded = codec.decode(structuredClone(object) as never)
  codec.applyDefaults(decoded)
  return decoded
}
