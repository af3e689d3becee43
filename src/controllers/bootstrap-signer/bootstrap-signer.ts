/**
 * bootstrap-signer-controller: signs the kubeconfig in kube-public/cluster-info with every bootstrap token that vouches for it, so
 * that a node that knows a token can trust what it reads there anonymously.
 */
import type { ConfigMap, Secret } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { bootstrapTokenSelection, expiresAtMs, signingToken } from '../common/bootstrap-tokens.js'
import { sameJson } from '../../api/same-json.js'
import type { Controller } from '../controller.js'
import { detachedSignature } from './detached-signature.js'

const where = { namespace: 'kube-public', name: 'cluster-info' }
const signaturePrefix = 'jws-kubeconfig-'
const waitMsMax = 2 ** 31 - 1

export function bootstrapSignerController(): Controller {
  const theKey = () => [where.name]
  return {
    name: 'bootstrap-signer-controller',
    watches: [
      {
        resource: resources.configMaps,
        selection: { namespace: where.namespace, fieldSelector: `metadata.name=${where.name}` },
        toKeys: theKey,
      },
      { resource: resources.secrets, selection: bootstrapTokenSelection, toKeys: theKey },
    ],
    async reconcile(_, view) {
      const map = view.lister<ConfigMap>(resources.configMaps).get(`${where.namespace}/${where.name}`)
      const kubeconfig = map?.data?.['kubeconfig']
      if (!map || kubeconfig === undefined) return undefined
      const secrets = view.lister<Secret>(resources.secrets).list()
      const now = view.clock.now()
      const data = Object.fromEntries(Object.entries(map.data ?? {}).filter(([name]) => !name.startsWith(signaturePrefix)))
      for (const secret of secrets) {
        const token = signingToken(secret, now)
        if (token) data[signaturePrefix + token.id] = await detachedSignature(kubeconfig, token)
      }
      if (!sameJson(data, map.data)) await view.client.resource<ConfigMap>(resources.configMaps).update({ ...map, data })
      const ends = secrets.flatMap((secret) => (signingToken(secret, now) ? (expiresAtMs(secret) ?? []) : []))
      return ends.length > 0 ? { requeueAfterMs: Math.min(Math.min(...ends) - now + 1, waitMsMax) } : undefined
    },
  }
}
