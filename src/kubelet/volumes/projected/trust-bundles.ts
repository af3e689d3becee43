import type { KubeObject } from '../../../api/object.js'
import { labelSelectorOf } from '../../../api/selectors/label.js'
import { hasReason } from '../../../api/status.js'
import type { ClusterTrustBundleProjection } from '../../../api/types/core-v1.js'
import type { Client } from '../../../client/client.js'

/** ClusterTrustBundles as one PEM file (KEP-3257): one by name, or all of a signer that a selector matches, each certificate once. */
interface ClusterTrustBundle extends KubeObject {
  readonly spec?: { readonly signerName?: string; readonly trustBundle?: string }
}

const of = { group: 'certificates.k8s.io', version: 'v1beta1', resource: 'clustertrustbundles' }

export async function trustBundle(client: Client, source: ClusterTrustBundleProjection): Promise<string> {
  const bundles = client.resource<ClusterTrustBundle>(of)
  const { name, signerName, labelSelector, optional } = source
  if (name !== undefined) {
    try {
      return normal([await bundles.get('', name)])
    } catch (error) {
      if (optional && hasReason(error, 'NotFound')) return ''
      throw error
    }
  }
  const selector = labelSelectorOf(labelSelector)
  const listed = labelSelector
    ? await bundles.list({ fieldSelector: `spec.signerName=${signerName}`, ...(selector.empty ? {} : { labelSelector: selector.text }) })
    : { items: [] }
  if (listed.items.length === 0 && !optional)
    throw new Error('combination of signerName and labelSelector matched zero ClusterTrustBundles')
  return normal(listed.items)
}

const certificate = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

function normal(bundles: readonly ClusterTrustBundle[]): string {
  const found = new Set(bundles.flatMap(({ spec }) => spec?.trustBundle?.match(certificate) ?? []))
  return [...found].map((pem) => `${pem}\n`).join('')
}
