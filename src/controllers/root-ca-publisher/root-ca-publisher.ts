/** root-ca-certificate-publisher-controller: every namespace has the cluster's root certificates in the ConfigMap kube-root-ca.crt (KEP-1205). */
import { hasReason } from '../../api/status.js'
import type { ConfigMap, Namespace } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { isNamespaceActive, isNamespaceGoing } from '../common/namespaces.js'
import type { Controller } from '../controller.js'

const mapName = 'kube-root-ca.crt'
const annotation = 'kubernetes.io/description'
/** Upstream's words: `kubectl describe` shows them. */
const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.'

export function rootCaPublisher(rootCa: string): Controller {
  const wanted = (namespace: string, old?: ConfigMap): ConfigMap => ({
    ...old,
    metadata: { ...old?.metadata, namespace, name: mapName, annotations: { ...old?.metadata.annotations, [annotation]: description } },
    data: { 'ca.crt': rootCa },
  })
  const isRight = ({ metadata, data = {} }: ConfigMap) =>
    metadata.annotations?.[annotation] !== undefined && data['ca.crt'] === rootCa && Object.keys(data).length === 1
  return {
    name: 'root-ca-certificate-publisher-controller',
    watches: [
      {
        resource: resources.namespaces,
        toKeys: (object, _, change) => (change === 'delete' ? [] : [object.metadata.name ?? '']),
        changed: (object, old) => isNamespaceActive(object) !== isNamespaceActive(old),
      },
      {
        resource: resources.configMaps,
        selection: { fieldSelector: `metadata.name=${mapName}` },
        toKeys: ({ metadata }, _, change) => (change === 'add' ? [] : [metadata.namespace ?? '']),
      },
    ],
    async reconcile(namespace, view) {
      if (!isNamespaceActive(view.lister<Namespace>(resources.namespaces).get(namespace))) return
      const maps = view.client.resource<ConfigMap>(resources.configMaps)
      const found = view.lister<ConfigMap>(resources.configMaps).get(`${namespace}/${mapName}`)
      if (found && isRight(found)) return
      try {
        if (found) await maps.update(wanted(namespace, found))
        else await maps.create(wanted(namespace))
      } catch (error) {
        if (!hasReason(error, 'AlreadyExists') && !hasReason(error, 'NotFound') && !isNamespaceGoing(error)) throw error
      }
    },
  }
}
