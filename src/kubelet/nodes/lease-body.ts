import { microTimestamp } from '../../base/clock.js'
import type { Node } from '../../api/types/core-v1.js'
import type { Lease } from '../../api/types/coordination-v1.js'
import { nodeLeaseNamespace } from '../../api/well-known.js'

/** Node leases (KEP-589): how they look, and how one is renewed for next to nothing. Pure. */

export const leaseSeconds = 40
/** A quarter of the lease's duration, as upstream's kubelet has it. */
export const renewMs = 10_000
export const leasePath = `/apis/coordination.k8s.io/v1/namespaces/${nodeLeaseNamespace}/leases`

/** Owned by its Node, so that it goes with it. */
export function newLease(node: Node, nowMs: number): Lease {
  const { name = '', uid = '' } = node.metadata
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: nodeLeaseNamespace, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] },
    spec: { holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime: microTimestamp(nowMs) },
  }
}

/**
 * The body of the update that renews a lease, without an object or a serializer: a fleet renews hundreds a second. Only what a
 * kubelet owns of its lease is sent; the version guards against somebody else's hand.
 */
export function renewBody(name: string, nodeUid: string, resourceVersion: string, nowMs: number): string {
  return `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"${name}","namespace":"${nodeLeaseNamespace}","resourceVersion":"${resourceVersion}","ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"${name}","uid":"${nodeUid}"}]},"spec":{"holderIdentity":"${name}","leaseDurationSeconds":${leaseSeconds},"renewTime":"${microTimestamp(nowMs)}"}}`
}

const versionKey = '"resourceVersion":"'

/** The resourceVersion of an answer, without reading the rest of it. */
export function versionIn(text: string): string | undefined {
  const at = text.indexOf(versionKey)
  if (at < 0) return undefined
  const end = text.indexOf('"', at + versionKey.length)
  return end < 0 ? undefined : text.slice(at + versionKey.length, end)
}
