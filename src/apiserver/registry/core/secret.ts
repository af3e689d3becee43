import type { Secret } from '../../../api/types/core-v1.js'
import type { Strategy } from '../strategy.js'

/** Secrets. Their stringData has become data when they were decoded. */
export const secretStrategy: Strategy<Secret> = {
  resource: { group: '', resource: 'secrets' },
  generation: 'none',
  allowCreateOnUpdate: false,
  prepareForUpdate(secret, old) {
    if (!secret.type && old.type) secret.type = old.type
  },
  selectableFields: {
    type: (secret) => secret.type ?? '',
  },
}
