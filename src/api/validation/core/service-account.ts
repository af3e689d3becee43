/** ServiceAccounts (core/v1): nothing beyond their shape. */
import type { ServiceAccount } from '../../types/core-v1.js'
import type { KindRules } from '../kind-rules.js'

const mountable = 'kubernetes.io/enforce-mountable-secrets'

export const serviceAccountRules: KindRules<ServiceAccount> = {
  create() {},
  update() {},
  warnings({ metadata }, old) {
    const is = metadata.annotations?.[mountable] === 'true'
    if (!is || old?.metadata.annotations?.[mountable] === 'true') return []
    return [`metadata.annotations[${mountable}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`]
  },
}
