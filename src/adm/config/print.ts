/** Configuration documents as text: the defaults, and old files brought up. */
import { stringify } from 'yaml'
import { defaultCluster, defaultInit, defaultJoin, defaultReset } from './defaults.js'
import { readDocuments } from './documents.js'
import type { DocumentKind } from './schemas.js'
import { kubeadmApiVersion } from './types.js'

const exampleToken = 'abcdef.0123456789abcdef'
const facts = { hostname: 'node', address: '1.2.3.4' }

export const defaultsOf = {
  init: (): string =>
    documents([
      ['InitConfiguration', defaultInit({ bootstrapTokens: [{ token: exampleToken }] }, facts)],
      ['ClusterConfiguration', defaultCluster({})],
    ]),
  join: (): string => {
    const bootstrapToken = { apiServerEndpoint: 'kube-apiserver:6443', token: exampleToken, unsafeSkipCAVerification: true }
    return documents([['JoinConfiguration', defaultJoin({ discovery: { bootstrapToken } }, facts)]])
  },
  reset: (): string => documents([['ResetConfiguration', defaultReset({})]]),
}

/** The same documents under the newest apiVersion. Throws QuorateError BadConfig. */
export function migrated(text: string, source: string): string {
  const { kubeadm, kubelet, kubeProxy } = readDocuments(text, source)
  const own = Object.entries(kubeadm).map(([kind, document]) => headed(kind as DocumentKind, document))
  return joined([...own, ...[kubelet, kubeProxy].filter((each) => each !== undefined)])
}

function documents(list: readonly (readonly [DocumentKind, object])[]): string {
  return joined(list.map(([kind, fields]) => headed(kind, fields)))
}

function headed(kind: DocumentKind, fields: object): Record<string, unknown> {
  return { ...fields, apiVersion: kubeadmApiVersion, kind }
}

/** Keys in order, as Go's marshaller writes them. */
function joined(list: readonly object[]): string {
  return list.map((document) => stringify(document, { lineWidth: 0, sortMapEntries: true, indentSeq: false })).join('---\n')
}
