import type { Secret } from '../../../api/types/core-v1.js'
import type { Strategy } from '../strategy.js'

/** Secrets: stringData is write-only and ends up in data. */
export const secretStrategy: Strategy<Secret> = {
  resource: { group: '', resource: 'secrets' },
  generation: 'none',
  allowCreateOnUpdate: false,
  prepareForCreate: mergeStringData,
  prepareForUpdate(secret, old) {
    mergeStringData(secret)
    if (!secret.type && old.type) secret.type = old.type
  },
  selectableFields: {
    type: (secret) => secret.type ?? '',
  },
}

function mergeStringData(secret: Secret): void {
  const { stringData } = secret
  if (!stringData) return
  const data: Record<string, string> = { ...secret.data }
  for (const [key, text] of Object.entries(stringData)) {
    const bytes = new TextEncoder().encode(text)
    let binary = ''
    for (const byte of bytes) binary += String.fromCharCode(byte)
    Object.defineProperty(data, key, { value: btoa(binary), enumerable: true, configurable: true, writable: true })
  }
  if (Object.keys(data).length > 0) secret.data = data
  delete secret.stringData
}
