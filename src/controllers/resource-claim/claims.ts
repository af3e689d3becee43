/** The ResourceClaims of pods (KEP-4381). Pure. */
import type { Pod, PodResourceClaim } from '../../api/types/core-v1.js'
import type { ResourceClaim, ResourceClaimConsumerReference, ResourceClaimTemplate } from '../../api/types/resource-v1.js'
import { controllerReference, isControlledBy } from '../common/owner.js'
import { isPodFinished } from '../common/pods.js'

/** On a generated claim: which of the pod's claims it is. */
export const podClaimAnnotation = 'resource.kubernetes.io/pod-claim-name'
/** While a claim is allocated by the scheduler. */
export const allocationFinalizer = 'resource.kubernetes.io/delete-protection'
const podKind = { group: '', version: 'v1', kind: 'Pod' }

/** What generateName may be, so that a hyphen and five characters fit into a name of 63. */
const baseLengthMax = 57

export function claimFromTemplate(pod: Pod, entry: PodResourceClaim, { spec: template }: ResourceClaimTemplate): ResourceClaim {
  return {
    metadata: {
      generateName: generateName(pod.metadata.name ?? '', entry.name),
      namespace: pod.metadata.namespace,
      ...(template.metadata?.labels ? { labels: template.metadata.labels } : {}),
      annotations: { ...template.metadata?.annotations, [podClaimAnnotation]: entry.name },
      ownerReferences: [controllerReference(pod, podKind)],
    },
    spec: template.spec,
  }
}

/** "POD-CLAIM-", both parts shortened in proportion when it would be too long. */
export function generateName(pod: string, entry: string): string {
  const length = pod.length + entry.length + 1
  const part = (text: string) => (length <= baseLengthMax ? text : text.slice(0, Math.floor((text.length * baseLengthMax) / length)))
  return `${part(pod)}-${part(entry)}-`
}

/** A claim that was made for this entry of the pod, whether or not the pod's status says so yet. */
export function claimMadeFor(pod: Pod, entry: PodResourceClaim, claims: readonly ResourceClaim[]): ResourceClaim | undefined {
  return claims.find((claim) => isControlledBy(claim, pod) && claim.metadata.annotations?.[podClaimAnnotation] === entry.name)
}

/** Names of the claims that a pod uses: its own, and those made for it. */
export function claimNames(pod: Pod): readonly string[] {
  const generated = new Map((pod.status?.resourceClaimStatuses ?? []).map(({ name, resourceClaimName }) => [name, resourceClaimName]))
  return (pod.spec?.resourceClaims ?? [])
    .map(({ name, resourceClaimName }) => resourceClaimName ?? generated.get(name))
    .filter((name) => name !== undefined)
}

/** A pod that will not run (again): ended, or deleted before it had a node. */
export const isPodDone = (pod: Pod): boolean => isPodFinished(pod) || (Boolean(pod.metadata.deletionTimestamp) && !pod.spec?.nodeName)

export const consumerOf = (pod: Pod): ResourceClaimConsumerReference => ({
  resource: 'pods',
  name: pod.metadata.name ?? '',
  uid: pod.metadata.uid ?? '',
})

/** The reservations that stand: a pod's falls when `podOf` says that it is done or gone; others are none of ours. */
export function standingReservations(
  claim: ResourceClaim,
  isGone: (consumer: ResourceClaimConsumerReference) => boolean,
): ResourceClaimConsumerReference[] {
  return (claim.status?.reservedFor ?? []).filter((consumer) => consumer.apiGroup || consumer.resource !== 'pods' || !isGone(consumer))
}
