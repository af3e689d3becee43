/**
 * Makes ResourceClaims from the templates that pods name, reserves claims for pods that came to their node without the scheduler,
 * and frees claims whose pods are done.
 */
import { keyOf, type KubeObject } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Pod, PodResourceClaim, PodResourceClaimStatus } from '../../api/types/core-v1.js'
import type { ResourceClaim, ResourceClaimConsumerReference, ResourceClaimTemplate } from '../../api/types/resource-v1.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import { controllerOf } from '../common/owner.js'
import { isGoingNamespace, unlessGone } from '../common/refusals.js'
import type { Controller, View } from '../controller.js'
import { allocationFinalizer, claimFromTemplate, claimMadeFor, claimNames, consumerOf, isPodDone, standingReservations } from './claims.js'

const ownerIndex = 'claimOwner'
const podsByClaim = 'podsByResourceClaim'
const podsByTemplate = 'podsByResourceClaimTemplate'
/** Keys: "pod/NAMESPACE/NAME" and "claim/NAMESPACE/NAME". */
const podKey = (pod: KubeObject): string => `pod/${keyOf(pod)}`
const claimKeys = (pod: Pod): readonly string[] => claimNames(pod).map((name) => `claim/${pod.metadata.namespace}/${name}`)

export function resourceClaimController(): Controller {
  /** Claims made a moment ago, by pod and entry, until the cache shows them: their names are generated, a second one would not be refused. */
  const made = new Map<string, ResourceClaim>()
  return {
    name: 'resourceclaim-controller',
    eventSource: 'resource_claim',
    workers: 10,
    watches: [
      { resource: resources.pods, toKeys: (object, view, change) => keysOfPod(object as Pod, view, change) },
      {
        resource: resources.resourceClaims,
        toKeys: (object, view, change) => [
          `claim/${keyOf(object)}`,
          ...(change === 'delete' ? view.lister<Pod>(resources.pods).by(podsByClaim, keyOf(object)).map(podKey) : []),
        ],
      },
      {
        resource: resources.resourceClaimTemplates,
        toKeys: (object, view, change) =>
          change === 'add' ? view.lister<Pod>(resources.pods).by(podsByTemplate, keyOf(object)).map(podKey) : [],
      },
    ],
    start(view) {
      view.informer<ResourceClaim>(resources.resourceClaims).addIndex(ownerIndex, (claim) => {
        const owner = controllerOf(claim)
        return owner?.kind === 'Pod' ? [owner.uid] : []
      })
      const pods = view.informer<Pod>(resources.pods)
      pods.addIndex(podsByClaim, (pod) => claimNames(pod).map((name) => `${pod.metadata.namespace}/${name}`))
      pods.addIndex(podsByTemplate, ({ metadata, spec }) =>
        (spec?.resourceClaims ?? []).flatMap(({ resourceClaimTemplateName: name }) => (name ? [`${metadata.namespace}/${name}`] : [])),
      )
    },
    async reconcile(key, view) {
      const slash = key.indexOf('/')
      const name = key.slice(slash + 1)
      if (key.startsWith('pod/')) await syncPod(name, view, made)
      else await syncClaim(name, view)
    },
  }
}

function keysOfPod(pod: Pod, view: View, change: string): readonly string[] {
  if (!pod.spec?.resourceClaims?.length) return []
  if (change !== 'delete' && !isPodDone(pod)) return [podKey(pod)]
  const made = view.lister<ResourceClaim>(resources.resourceClaims).by(ownerIndex, pod.metadata.uid ?? '')
  return [...claimKeys(pod), ...made.map((claim) => `claim/${keyOf(claim)}`)]
}

type Made = Map<string, ResourceClaim>

async function syncPod(key: string, view: View, made: Made): Promise<void> {
  const pod = view.lister<Pod>(resources.pods).get(key)
  if (!pod || pod.metadata.deletionTimestamp || isPodDone(pod)) return
  const statuses: PodResourceClaimStatus[] = []
  for (const entry of pod.spec?.resourceClaims ?? []) {
    if (!entry.resourceClaimTemplateName) continue
    try {
      const name = await ensureClaim(pod, entry, view, made)
      if (name !== undefined) statuses.push({ name: entry.name, resourceClaimName: name })
    } catch (error) {
      if (isGoingNamespace(error)) return
      const about = { ...pod, apiVersion: 'v1', kind: 'Pod' }
      view.events.event(about, 'Warning', 'FailedResourceClaimCreation', `PodResourceClaim ${entry.name}: ${messageOf(error)}`)
      throw error
    }
  }
  if (statuses.length > 0) await writeStatuses(pod, statuses, view)
  if (pod.spec?.nodeName) for (const name of claimNames(pod)) await reserve(pod, name, view)
}

/** The name of the claim that was made; undefined when the pod's status names one that is there. */
async function ensureClaim(pod: Pod, entry: PodResourceClaim, view: View, made: Made): Promise<string | undefined> {
  const { namespace = '', uid = '' } = pod.metadata
  const claims = view.lister<ResourceClaim>(resources.resourceClaims)
  const said = pod.status?.resourceClaimStatuses?.find(({ name }) => name === entry.name)?.resourceClaimName
  if (said !== undefined && claims.get(`${namespace}/${said}`)) return undefined
  const key = `${uid}/${entry.name}`
  const cached = claimMadeFor(pod, entry, claims.by(ownerIndex, uid))
  if (cached) return cached.metadata.name
  forgetSeen(made, Number(view.informer(resources.resourceClaims).resourceVersion))
  const unseen = made.get(key)
  if (unseen) return unseen.metadata.name
  const templateName = entry.resourceClaimTemplateName ?? ''
  const template = view.lister<ResourceClaimTemplate>(resources.resourceClaimTemplates).get(`${namespace}/${templateName}`)
  if (!template)
    throw new Error(`resource claim template "${templateName}": resourceclaimtemplate.resource.k8s.io "${templateName}" not found`)
  const claim = await view.client.resource<ResourceClaim>(resources.resourceClaims).create(claimFromTemplate(pod, entry, template))
  made.set(key, claim)
  return claim.metadata.name
}

/** Drops what the cache shows by now: those written first come first, so this looks at no more than it drops. */
function forgetSeen(made: Made, reached: number): void {
  for (const [key, { metadata }] of made) {
    if (Number(metadata.resourceVersion) > reached) return
    made.delete(key)
  }
}

async function writeStatuses(pod: Pod, resourceClaimStatuses: readonly PodResourceClaimStatus[], view: View): Promise<void> {
  const { namespace = '', name = '', uid } = pod.metadata
  const body = { metadata: { uid }, status: { resourceClaimStatuses } }
  const pods = view.client.resource<Pod>(resources.pods)
  await unlessGone(pods.patch(namespace, name, { type: 'strategic', body }, { subresource: 'status' }))
}

/** A pod that was put on its node by hand has nobody else who would reserve its (allocated) claims for it. */
async function reserve(pod: Pod, name: string, view: View): Promise<void> {
  const claim = view.lister<ResourceClaim>(resources.resourceClaims).get(`${pod.metadata.namespace}/${name}`)
  const reservedFor = claim?.status?.reservedFor ?? []
  if (!claim?.status?.allocation || reservedFor.some(({ uid }) => uid === pod.metadata.uid)) return
  const status = { ...claim.status, reservedFor: [...reservedFor, consumerOf(pod)] }
  await view.client.resource<ResourceClaim>(resources.resourceClaims).updateStatus({ ...claim, status })
}

async function syncClaim(key: string, view: View): Promise<void> {
  const found = view.lister<ResourceClaim>(resources.resourceClaims).get(key)
  if (!found) return
  const resource = view.client.resource<ResourceClaim>(resources.resourceClaims)
  const gone = await goneConsumers(found, view)
  const reservedFor = standingReservations(found, ({ uid }) => gone.has(uid))
  let claim = found
  const isFree = reservedFor.length === 0
  const { finalizers = [] } = claim.metadata
  // Only what the scheduler has allocated is taken back here; it has left its finalizer.
  const givesBack = isFree && finalizers.includes(allocationFinalizer)
  const isEnding = claim.metadata.deletionTimestamp !== undefined && givesBack && claim.status?.allocation !== undefined
  if (reservedFor.length < (claim.status?.reservedFor?.length ?? 0) || isEnding) {
    const { allocation, reservedFor: _, ...status } = claim.status ?? {}
    const rest = { ...(isFree ? {} : { reservedFor }), ...(allocation && !givesBack ? { allocation } : {}) }
    claim = await resource.updateStatus({ ...claim, status: { ...status, ...rest } })
  }
  if (givesBack && !claim.status?.allocation) {
    const others = finalizers.filter((each) => each !== allocationFinalizer)
    claim = await resource.update({ ...claim, metadata: { ...claim.metadata, finalizers: others } })
  }
  if (isFree && isOfDonePod(claim, view)) {
    const { namespace = '', name = '', uid } = claim.metadata
    await unlessGone(resource.delete(namespace, name, { preconditions: { uid } }))
  }
}

/** Uids of the pods among a claim's consumers that are done or gone; what the cache does not know is asked for. */
async function goneConsumers(claim: ResourceClaim, view: View): Promise<ReadonlySet<string>> {
  const gone = new Set<string>()
  for (const consumer of claim.status?.reservedFor ?? []) {
    if (consumer.apiGroup || consumer.resource !== 'pods') continue
    const pod = await podOf(claim, consumer, view)
    if (!pod || isPodDone(pod)) gone.add(consumer.uid)
  }
  return gone
}

async function podOf(claim: ResourceClaim, { name, uid }: ResourceClaimConsumerReference, view: View): Promise<Pod | undefined> {
  const { namespace = '' } = claim.metadata
  const cached = view.lister<Pod>(resources.pods).get(`${namespace}/${name}`)
  if (cached?.metadata.uid === uid) return cached
  try {
    const live = await view.client.resource<Pod>(resources.pods).get(namespace, name)
    return live.metadata.uid === uid ? live : undefined
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}

/** A claim made for a pod that is done goes at once, not only with the pod. */
function isOfDonePod(claim: ResourceClaim, view: View): boolean {
  const owner = controllerOf(claim)
  if (owner?.kind !== 'Pod') return false
  const pod = view.lister<Pod>(resources.pods).get(`${claim.metadata.namespace}/${owner.name}`)
  return pod !== undefined && pod.metadata.uid === owner.uid && isPodDone(pod)
}
