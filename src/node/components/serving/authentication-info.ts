/** Learns from the cluster whom to trust: API servers publish their authorities for servers that are not given any. */
import type { ConfigMap } from '../../../api/types/core-v1.js'
import type { ComponentDeps } from '../../../base/component.js'
import { messageOf } from '../../../base/errors.js'
import type { Client } from '../../../client/client.js'
import { resources } from '../../../client/resources.js'
import type { RequestHeaderOptions } from '../../../apiserver/authn/request-header.js'

export interface AuthenticationInfo {
  readonly clientCa?: string
  readonly frontProxyCa?: string
  readonly requestHeader?: RequestHeaderOptions
}

const retryMs = 5_000
/** Authorities are rotated once in years; a watch for each component would cost more than asking now and then. */
const refreshMs = 600_000

/** Tells of the published authorities, first and whenever they change, until the signal is aborted. Never rejects. */
export async function followAuthenticationInfo(
  client: Client,
  { clock, logger }: ComponentDeps,
  signal: AbortSignal,
  tell: (info: AuthenticationInfo) => void,
): Promise<void> {
  let told = ''
  while (!signal.aborted) {
    let waitMs = refreshMs
    try {
      const config = await client
        .resource<ConfigMap>(resources.configMaps)
        .get('kube-system', 'extension-apiserver-authentication', { signal })
      const text = JSON.stringify(config.data ?? {})
      if (text !== told) tell(infoOf(config.data ?? {}))
      told = text
    } catch (error) {
      if (signal.aborted) return
      logger.warn('The authorities of the cluster cannot be read', { error: messageOf(error) })
      waitMs = retryMs
    }
    await clock.sleep(waitMs, signal).catch(() => undefined)
  }
}

function infoOf(data: Readonly<Record<string, string>>): AuthenticationInfo {
  const list = (name: string) => (JSON.parse(data[name] ?? '[]') as string[]).map((item) => item.toLowerCase())
  const frontProxyCa = data['requestheader-client-ca-file']
  return {
    ...(data['client-ca-file'] ? { clientCa: data['client-ca-file'] } : {}),
    ...(frontProxyCa
      ? {
          frontProxyCa,
          requestHeader: {
            usernameHeaders: list('requestheader-username-headers'),
            uidHeaders: list('requestheader-uid-headers'),
            groupHeaders: list('requestheader-group-headers'),
            extraHeaderPrefixes: list('requestheader-extra-headers-prefix'),
            allowedNames: JSON.parse(data['requestheader-allowed-names'] ?? '[]') as string[],
          },
        }
      : {}),
  }
}
