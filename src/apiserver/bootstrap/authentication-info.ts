import { hasReason } from '../../api/status.js'
import type { ConfigMap } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import type { ServerAccess } from '../access.js'

/** What extension API servers need to know to authenticate as this server does (kube-system/extension-apiserver-authentication). */
export interface AuthenticationInfo {
  /** PEM of --client-ca-file. */
  readonly clientCa?: string
  readonly requestHeader?: {
    readonly clientCa: string
    readonly allowedNames: readonly string[]
    readonly usernameHeaders: readonly string[]
    readonly uidHeaders: readonly string[]
    readonly groupHeaders: readonly string[]
    readonly extraHeaderPrefixes: readonly string[]
  }
}

const namespace = 'kube-system'
const name = 'extension-apiserver-authentication'

/** Creates or completes the ConfigMap. Certificates of other servers are kept: during a rotation they differ. */
export async function publishAuthenticationInfo(access: ServerAccess, info: AuthenticationInfo): Promise<void> {
  const client = access.client.resource<ConfigMap>(resources.configMaps)
  for (let tries = 0; tries < 5; tries++) {
    try {
      const existing = await client.get(namespace, name).catch((error: unknown) => {
        if (hasReason(error, 'NotFound')) return undefined
        throw error
      })
      const data = dataOf(info, existing?.data)
      if (!existing) await client.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data })
      else if (Object.entries(data).some(([key, value]) => existing.data?.[key] !== value))
        await client.update({ ...existing, data: { ...existing.data, ...data } })
      return
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists') && !hasReason(error, 'Conflict')) throw error
    }
  }
}

function dataOf(
  { clientCa, requestHeader }: AuthenticationInfo,
  old: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const data: Record<string, string> = {}
  if (clientCa) data['client-ca-file'] = joinPem(old?.['client-ca-file'], clientCa)
  if (requestHeader) {
    data['requestheader-client-ca-file'] = joinPem(old?.['requestheader-client-ca-file'], requestHeader.clientCa)
    data['requestheader-allowed-names'] = JSON.stringify(requestHeader.allowedNames)
    data['requestheader-username-headers'] = JSON.stringify(requestHeader.usernameHeaders)
    data['requestheader-uid-headers'] = JSON.stringify(requestHeader.uidHeaders)
    data['requestheader-group-headers'] = JSON.stringify(requestHeader.groupHeaders)
    data['requestheader-extra-headers-prefix'] = JSON.stringify(requestHeader.extraHeaderPrefixes)
  }
  return data
}

/** Both bundles, each certificate once. */
function joinPem(old: string | undefined, added: string): string {
  const blocks = (text: string) => text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  const all = new Set([...blocks(old ?? ''), ...blocks(added)].map((block) => block.trim()))
  return all.size === 0 ? added : `${[...all].join('\n')}\n`
}
