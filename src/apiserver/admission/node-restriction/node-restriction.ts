import type { UnknownObject } from '../../../api/object.js'
import type { Node, PersistentVolumeClaim, Pod } from '../../../api/types/core-v1.js'
import { resources } from '../../../client/resources.js'
import { nodeNameOf } from '../../authz/node/identity.js'
import { podReferences } from '../../pod-references.js'
import { sameJson } from '../../../api/same-json.js'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.js'
import { type AdmissionDeps, nameOf, refused, resourceText } from '../plugin.js'
import { refuseForeignToken } from './token.js'
import { forbiddenLabels } from './labels.js'

type Rule = (node: string, request: AdmissionRequest) => void | Promise<void>

/** What a kubelet may write, beyond what its name alone allows: its own Node, mirror pods, and the status of its pods. */
export function nodeRestriction({ access }: AdmissionDeps): AdmissionPlugin {
  const pods = access.lister<Pod>(resources.pods)
  const nodes = access.lister<Node>(resources.nodes)
  const ownName =
    (what: string): Rule =>
    (node, request) => {
      if (nameOf(request) !== node) throw refused(request, `node "${node}" is not allowed to access ${what} "${nameOf(request)}"`)
    }
  const rules = new Map<string, Rule>([
    ['pods', (node, request) => onPod(node, request, nodes)],
    ['pods/status', onPodStatus],
    ['pods/eviction', (node, request) => onEviction(node, request, pods)],
    ['nodes', onNode],
    ['nodes/status', onNode],
    ['persistentvolumeclaims/status', onClaimStatus],
    ['serviceaccounts/token', (node, request) => refuseForeignToken(access, node, request)],
    ['leases.coordination.k8s.io', onLease],
    ['csinodes.storage.k8s.io', ownName('CSINode')],
    ['resourceslices.resource.k8s.io', onResourceSlice],
  ])
  return {
    name: 'NodeRestriction',
    handles: (_, resource, subresource) => rules.has(resourceText(resource, subresource)),
    validate(request) {
      const node = nodeNameOf(request.user)
      if (node === undefined) return undefined
      if (node === '') throw refused(request, `could not determine node from user "${request.user.name}"`)
      return rules.get(resourceText(request.resource, request.subresource))?.(node, request)
    },
  }
}

const podOf = (object: UnknownObject | undefined) => object as unknown as Pod | undefined

function onPod(node: string, request: AdmissionRequest, nodes: { get(key: string): Node | undefined }): void {
  if (request.operation === 'DELETE') {
    const pod = podOf(request.oldObject)
    if (pod && pod.spec?.nodeName !== node) throw refused(request, `node "${node}" can only delete pods with spec.nodeName set to itself`)
    return
  }
  if (request.operation !== 'CREATE')
    throw refused(request, `unexpected operation "${request.operation}", node "${node}" can only create and delete mirror pods`)
  const pod = podOf(request.object)
  if (!pod) return
  if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] === undefined)
    throw refused(request, `pod does not have "kubernetes.io/config.mirror" annotation, node "${node}" can only create mirror pods`)
  if (pod.spec?.nodeName !== node) throw refused(request, `node "${node}" can only create pods with spec.nodeName set to itself`)
  refuseForeignOwner(node, request, pod, nodes)
  refuseReferences(node, request, pod)
}

/** A mirror pod is owned by its Node, which says who made it and takes it along when it goes. */
function refuseForeignOwner(node: string, request: AdmissionRequest, pod: Pod, nodes: { get(key: string): Node | undefined }): void {
  const refuse = (why: string) => refused(request, `node "${node}" can only create pods with ${why}`)
  const [owner, ...more] = pod.metadata.ownerReferences ?? []
  if (!owner || more.length > 0) throw refuse('a single owner reference set to itself')
  if (owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) throw refuse('an owner reference set to itself')
  if (owner.controller !== true) throw refuse('an owner reference with controller set to true')
  if (owner.blockOwnerDeletion === true) throw refuse('an owner reference that does not block its deletion')
  if (nodes.get(node)?.metadata.uid !== owner.uid) throw refuse('an owner reference with the UID of its Node')
}

function refuseReferences(node: string, request: AdmissionRequest, pod: Pod): void {
  const refuse = (what: string) => refused(request, `node "${node}" can not create pods that reference ${what}`)
  const references = podReferences(pod)
  if (references.serviceAccount) throw refuse('a service account')
  if (references.secrets.size > 0) throw refuse('secrets')
  if (references.configMaps.size > 0) throw refuse('configmaps')
  if (references.persistentVolumeClaims.size > 0) throw refuse('persistentvolumeclaims')
  if (references.resourceClaims.size > 0) throw refuse('resourceclaims')
  if (pod.spec?.volumes?.some((volume) => volume.projected?.sources?.some((source) => source.clusterTrustBundle)))
    throw refuse('clustertrustbundles')
}

function onPodStatus(node: string, request: AdmissionRequest): void {
  if (request.operation !== 'UPDATE') throw refused(request, `unexpected operation "${request.operation}"`)
  const [pod, old] = [podOf(request.object), podOf(request.oldObject)]
  if (old?.spec?.nodeName !== node)
    throw refused(request, `node "${node}" can only update pod status for pods with spec.nodeName set to itself`)
  if (!sameJson(pod?.metadata.labels ?? {}, old.metadata.labels ?? {}))
    throw refused(request, `node "${node}" cannot update labels through pod status`)
  if (!sameJson(pod?.status?.resourceClaimStatuses, old.status?.resourceClaimStatuses))
    throw refused(request, `node "${node}" cannot update resource claim statuses`)
}

function onEviction(node: string, request: AdmissionRequest, pods: { get(key: string): Pod | undefined }): void {
  const name = nameOf(request)
  if (name === '') throw refused(request, `could not determine pod from request data`)
  if (pods.get(`${request.namespace}/${name}`)?.spec?.nodeName !== node)
    throw refused(request, `node ${node} can only evict pods with spec.nodeName set to itself`)
}

function onNode(node: string, request: AdmissionRequest): void {
  if (nameOf(request) !== node) throw refused(request, `node "${node}" is not allowed to modify node "${nameOf(request)}"`)
  const now = request.object as unknown as Node | undefined
  const old = request.oldObject as unknown as Node | undefined
  if (request.operation === 'CREATE') {
    if (now?.spec?.configSource) throw refused(request, `node "${node}" is not allowed to create pods with a non-nil configSource`)
    if ((now?.metadata.ownerReferences?.length ?? 0) > 0)
      throw refused(request, `node "${node}" is not allowed to create its Node with owner references`)
  }
  if (request.operation === 'UPDATE') {
    if (!sameJson(now?.spec?.configSource, old?.spec?.configSource))
      throw refused(request, `node "${node}" is not allowed to update configSource`)
    // Taints keep pods away; a node that could lift its own would draw them in.
    if (!sameJson(now?.spec?.taints ?? [], old?.spec?.taints ?? []))
      throw refused(request, `node "${node}" is not allowed to modify taints`)
    if (!sameJson(now?.metadata.ownerReferences ?? [], old?.metadata.ownerReferences ?? []))
      throw refused(request, `node "${node}" is not allowed to modify ownerReferences`)
  }
  if (request.operation === 'DELETE') return
  const labels = forbiddenLabels(now?.metadata.labels, old?.metadata.labels)
  if (labels.length > 0) throw refused(request, `is not allowed to modify labels: ${labels.join(', ')}`)
}

function onClaimStatus(node: string, request: AdmissionRequest): void {
  const strip = (object: UnknownObject | undefined) => {
    const { metadata, status, ...rest } = object as unknown as PersistentVolumeClaim
    const { capacity: _, conditions: __, allocatedResources: ___, allocatedResourceStatuses: ____, ...others } = status ?? {}
    const { managedFields: _____, resourceVersion: ______, ...meta } = metadata
    return { ...rest, metadata: meta, status: others }
  }
  if (request.operation !== 'UPDATE') throw refused(request, `unexpected operation "${request.operation}"`)
  if (!sameJson(strip(request.object), strip(request.oldObject)))
    throw refused(request, `node "${node}" is not allowed to update fields other than status.quantity and status.conditions`)
}

function onLease(node: string, request: AdmissionRequest): void {
  if (request.namespace !== 'kube-node-lease') throw refused(request, `can only access leases in the "kube-node-lease" system namespace`)
  if (nameOf(request) !== node) throw refused(request, 'can only access node lease with the same name as the requesting node')
}

function onResourceSlice(node: string, request: AdmissionRequest): void {
  const of = (object: UnknownObject | undefined) => (object?.['spec'] as { nodeName?: string } | undefined)?.nodeName
  const object = request.operation === 'DELETE' ? request.oldObject : request.object
  if (object && of(object) !== node)
    throw refused(
      request,
      `can only ${request.operation === 'DELETE' ? 'delete' : 'create'} ResourceSlice with the same NodeName as the requesting node`,
    )
}
