/** Secrets that hold a service account's token (type kubernetes.io/service-account-token). Pure. */
import type { Secret, ServiceAccount } from '../../api/types/core-v1.js'
import { toBase64 } from '../common/base64.js'

export const tokenSecretType = 'kubernetes.io/service-account-token'
const nameAnnotation = 'kubernetes.io/service-account.name'
const uidAnnotation = 'kubernetes.io/service-account.uid'

/** The account that a token Secret is for, as "namespace/name". */
export function accountKeyOf({ metadata }: Secret): string | undefined {
  const name = metadata.annotations?.[nameAnnotation]
  return name ? `${metadata.namespace ?? ''}/${name}` : undefined
}

/** Whether the Secret is for this very account, not for one that had its name before. */
export function isFor({ metadata }: Secret, account: ServiceAccount): boolean {
  const uid = metadata.annotations?.[uidAnnotation]
  return uid === undefined || uid === '' || uid === account.metadata.uid
}

/** The Secret with everything that it lacks; undefined when that is nothing. `sign` is called only for a missing token. */
export function filled(
  secret: Secret,
  account: ServiceAccount,
  { rootCa, sign }: { readonly rootCa?: string; sign(claims: Readonly<Record<string, unknown>>): string },
): Secret | undefined {
  const { metadata, data = {} } = secret
  const ca = rootCa === undefined ? undefined : toBase64(rootCa)
  const lacksCa = ca !== undefined && data['ca.crt'] !== ca
  const isNamed = metadata.annotations?.[uidAnnotation] === account.metadata.uid
  if (data['token'] && data['namespace'] && !lacksCa && isNamed) return undefined
  return {
    ...secret,
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [nameAnnotation]: account.metadata.name ?? '', [uidAnnotation]: account.metadata.uid ?? '' },
    },
    data: {
      ...data,
      ...(lacksCa && ca !== undefined ? { 'ca.crt': ca } : {}),
      namespace: data['namespace'] || toBase64(metadata.namespace ?? ''),
      token: data['token'] || toBase64(sign(claimsOf(secret, account))),
    },
  }
}

/** What such a token says: it is good until the Secret or the account is gone. */
function claimsOf({ metadata: { namespace = '', name = '' } }: Secret, account: ServiceAccount): Record<string, string> {
  const claim = (part: string) => `kubernetes.io/serviceaccount/${part}`
  return {
    iss: 'kubernetes/serviceaccount',
    [claim('namespace')]: namespace,
    [claim('secret.name')]: name,
    [claim('service-account.name')]: account.metadata.name ?? '',
    [claim('service-account.uid')]: account.metadata.uid ?? '',
    sub: `system:serviceaccount:${namespace}:${account.metadata.name ?? ''}`,
  }
}
