/** Secrets (core/v1): some types want keys of their own. */
import type { Secret } from '../../types/core-v1.js'
import { sameJson } from '../../same-json.js'
import { type Faults, immutable } from '../faults.js'
import type { KindRules } from '../kind-rules.js'
import { isConfigKey } from '../names.js'
import { dataBytesMax, decodedLength, keyDetail } from './config-map.js'

const accountName = 'kubernetes.io/service-account.name'

function secretFaults(faults: Faults, secret: Secret): void {
  const { data = {} } = secret
  let bytes = 0
  for (const key in data) {
    if (!isConfigKey(key)) faults.invalid(`data[${key}]`, key, keyDetail)
    bytes += decodedLength(data[key] ?? '')
  }
  if (bytes > dataBytesMax) faults.tooLong('data', dataBytesMax)
  typeFaults(faults, secret, data)
}

function typeFaults(faults: Faults, { type, metadata }: Secret, data: Readonly<Record<string, string>>): void {
  const has = (key: string) => Object.hasOwn(data, key)
  switch (type) {
    case 'kubernetes.io/service-account-token':
      if (!metadata.annotations?.[accountName]) faults.required(`metadata.annotations[${accountName}]`)
      return
    case 'kubernetes.io/dockercfg':
      return jsonFaults(faults, '.dockercfg', data)
    case 'kubernetes.io/dockerconfigjson':
      return jsonFaults(faults, '.dockerconfigjson', data)
    case 'kubernetes.io/basic-auth':
      if (has('username') || has('password')) return
      faults.required('data[username]')
      faults.required('data[password]')
      return
    case 'kubernetes.io/ssh-auth':
      if (!data['ssh-privatekey']) faults.required('data[ssh-privatekey]')
      return
    case 'kubernetes.io/tls':
      for (const key of ['tls.crt', 'tls.key']) if (!has(key)) faults.required(`data[${key}]`)
      return
    default:
  }
}

function jsonFaults(faults: Faults, key: string, data: Readonly<Record<string, string>>): void {
  if (!Object.hasOwn(data, key)) return faults.required(`data[${key}]`)
  if (!isJsonObject(data[key] ?? '')) faults.invalid(`data[${key}]`, '<secret contents redacted>', 'must be a JSON object')
}

function isJsonObject(base64: string): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))))
    return typeof value === 'object' && !Array.isArray(value)
  } catch {
    return false
  }
}

export const secretRules: KindRules<Secret> = {
  create: secretFaults,
  update(faults, secret, old) {
    if (secret.type !== old.type) faults.invalid('type', secret.type ?? '', immutable)
    if (old.immutable) {
      const detail = 'field is immutable when `immutable` is set'
      if (!secret.immutable) faults.forbidden('immutable', detail)
      if (!sameJson(secret.data ?? {}, old.data ?? {})) faults.forbidden('data', detail)
    }
    secretFaults(faults, secret)
  },
  warnings({ type, data = {} }, old) {
    if (old || type !== 'kubernetes.io/tls') return []
    const isPem = (key: string) => isPemText(data[key])
    return isPem('tls.crt') && isPem('tls.key') ? [] : ['tls: failed to find any PEM data in certificate input']
  },
}

function isPemText(base64: string | undefined): boolean {
  if (base64 === undefined) return true
  try {
    return atob(base64).includes('-----BEGIN ')
  } catch {
    return false
  }
}
