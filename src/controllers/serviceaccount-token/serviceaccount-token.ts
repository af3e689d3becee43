/**
 * serviceaccount-token-controller: Secrets of type kubernetes.io/service-account-token get their token, certificates and namespace,
 * and go when their account does.
 */
import { keyOf, type KubeObject, splitKey } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Secret, ServiceAccount } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import type { Controller, View } from '../controller.js'
import { accountKeyOf, filled, isFor, tokenSecretType } from './token-secret.js'

export interface TokenOptions {
  /** Certificates of the API server; left out of the Secrets when undefined. */
  readonly rootCa?: string
  sign(claims: Readonly<Record<string, unknown>>): string
}

const byAccount = 'account'
/** Keys of the queue: a Secret to look at, or one that is gone and may still be named by its account. */
const present = 'secret/'
const gone = 'gone/'

export function serviceAccountTokenController(options: TokenOptions): Controller {
  const secretsOf = (account: KubeObject, view: View) => view.lister<Secret>(resources.secrets).by(byAccount, keyOf(account)).map(keyOf)
  return {
    name: 'serviceaccount-token-controller',
    watches: [
      {
        resource: resources.serviceAccounts,
        toKeys: (account, view) => secretsOf(account, view).map((key) => present + key),
        changed: () => false,
      },
      {
        resource: resources.secrets,
        selection: { fieldSelector: `type=${tokenSecretType}` },
        toKeys: (object, _, change) => {
          const account = accountKeyOf(object)
          if (account === undefined) return []
          return change === 'delete' ? [`${gone}${account}/${object.metadata.name ?? ''}`] : [present + keyOf(object)]
        },
      },
    ],
    start(view) {
      view.informer<Secret>(resources.secrets).addIndex(byAccount, (secret) => [accountKeyOf(secret) ?? ''])
    },
    async reconcile(key, view) {
      if (key.startsWith(gone)) return forgetSecret(key.slice(gone.length), view)
      const secret = view.lister<Secret>(resources.secrets).get(key.slice(present.length))
      const accountKey = secret && accountKeyOf(secret)
      if (!secret || !accountKey || secret.metadata.deletionTimestamp) return
      const cached = view.lister<ServiceAccount>(resources.serviceAccounts).get(accountKey)
      const account = cached && isFor(secret, cached) ? cached : await liveAccount(accountKey, view)
      const secrets = view.client.resource<Secret>(resources.secrets)
      try {
        if (!account || !isFor(secret, account)) return await deleteSecret(secret, view)
        const complete = filled(secret, account, options)
        if (complete) await secrets.update(complete)
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error
      }
    },
  }
}

async function deleteSecret({ metadata: { namespace = '', name = '', uid } }: Secret, { client }: View): Promise<void> {
  await client.resource(resources.secrets).delete(namespace, name, { preconditions: { uid } })
}

/** Read live, since what is decided by its absence is a deletion. */
async function liveAccount(key: string, { client }: View): Promise<ServiceAccount | undefined> {
  const { namespace, name } = splitKey(key)
  try {
    return await client.resource<ServiceAccount>(resources.serviceAccounts).get(namespace, name)
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}

/** `where`: namespace/account/secret. */
async function forgetSecret(where: string, view: View): Promise<void> {
  const [namespace = '', accountName = '', secretName = ''] = where.split('/')
  const account = view.lister<ServiceAccount>(resources.serviceAccounts).get(`${namespace}/${accountName}`)
  if (!account?.secrets?.some(({ name }) => name === secretName)) return
  if (view.lister(resources.secrets).get(`${namespace}/${secretName}`)) return
  try {
    await view.client
      .resource<ServiceAccount>(resources.serviceAccounts)
      .update({ ...account, secrets: account.secrets.filter(({ name }) => name !== secretName) })
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
  }
}
