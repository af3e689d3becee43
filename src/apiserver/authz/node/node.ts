import type { PersistentVolume, Pod } from '../../../api/types/core-v1.js'
import type { PolicyRule } from '../../../api/types/rbac-v1.js'
import type { VolumeAttachment } from '../../../api/types/storage-v1.js'
import { resources } from '../../../client/resources.js'
import type { ServerAccess } from '../../access.js'
import type { Attributes, Authorizer, Decision } from '../authorizer.js'
import { compileRule, ruleAllows } from '../rbac/rule.js'
import { nodeNameOf } from './identity.js'
import { NodeReferences, type ReferencedResource } from './references.js'

type Resource = NonNullable<Attributes['resource']>
type Rule = (node: string, asked: Attributes, of: Resource) => Decision

export interface NodeAuthorizer extends Authorizer {
  synced(): Promise<void>
  stop(): void
}

const allow: Decision = { verdict: 'allow', reason: '' }
const refuse = (reason: string): Decision => ({ verdict: 'no opinion', reason })

/**
 * What kubelets may do: read what their own pods use, write what is about themselves (KEP-279, KEP-4601 for selectors).
 * `nodeRules` are those of the ClusterRole system:node; what they allow and no rule here narrows is allowed.
 */
export function nodeAuthorizer(access: ServerAccess, nodeRules: readonly PolicyRule[]): NodeAuthorizer {
  const references = new NodeReferences()
  const pods = access.lister<Pod>(resources.pods)
  const volumes = access.lister<PersistentVolume>(resources.persistentVolumes)
  const attachments = access.lister<VolumeAttachment>(resources.volumeAttachments)
  const stops = [
    pods.onChange((key, pod, old) => {
      if (!old || !pod || changesReferences(pod, old)) references.setPod(key, pod)
    }),
    volumes.onChange((key, volume) => references.setVolume(key, volume)),
  ]
  for (const pod of pods.list()) references.setPod(`${pod.metadata.namespace ?? ''}/${pod.metadata.name ?? ''}`, pod)
  for (const volume of volumes.list()) references.setVolume(volume.metadata.name ?? '', volume)

  const compiled = nodeRules.map(compileRule)
  const byRules = (asked: Attributes): Decision =>
    compiled.some((rule) => ruleAllows(rule, asked)) ? allow : { verdict: 'no opinion', reason: '' }
  const rules = rulesOf({ references, pods, attachments, byRules })
  return {
    name: 'Node',
    authorize(asked) {
      const node = nodeNameOf(asked.user)
      if (node === undefined) return { verdict: 'no opinion', reason: '' }
      if (node === '') return refuse(`unknown node for user ${JSON.stringify(asked.user.name)}`)
      const of = asked.resource
      const rule = of && rules.get(of.group ? `${of.resource}.${of.group}` : of.resource)
      return rule ? rule(node, asked, of) : byRules(asked)
    },
    async synced() {
      await Promise.all([pods.synced(), volumes.synced(), attachments.synced()])
    },
    stop() {
      for (const stop of stops) stop()
    },
  }
}

/** Specs hardly change and status updates are many: claims in status are the only part of it that matters. */
function changesReferences(pod: Pod, old: Pod): boolean {
  return (
    pod.metadata.uid !== old.metadata.uid ||
    pod.spec?.nodeName !== old.spec?.nodeName ||
    pod.spec?.ephemeralContainers?.length !== old.spec?.ephemeralContainers?.length ||
    JSON.stringify(pod.status?.resourceClaimStatuses) !== JSON.stringify(old.status?.resourceClaimStatuses) ||
    pod.status?.extendedResourceClaimStatus?.resourceClaimName !== old.status?.extendedResourceClaimStatus?.resourceClaimName
  )
}

interface RuleDeps {
  readonly references: NodeReferences
  readonly pods: { get(key: string): Pod | undefined }
  readonly attachments: { get(key: string): VolumeAttachment | undefined }
  readonly byRules: (asked: Attributes) => Decision
}

const reading = new Set(['get', 'list', 'watch'])
const noRelation = (node: string, what: string) => refuse(`no relationship found between node '${node}' and this object${what}`)

function rulesOf({ references, pods, attachments, byRules }: RuleDeps): ReadonlyMap<string, Rule> {
  const used = (resource: ReferencedResource) => (node: string, of: Resource) =>
    references.uses(node, resource, `${of.namespace}/${of.name}`) ? allow : noRelation(node, '')
  const whole =
    (verbs: ReadonlySet<string>, check: (node: string, of: Resource) => Decision): Rule =>
    (node, asked, of) => {
      if (!verbs.has(asked.verb)) return refuse(`can only read resources of this type`)
      if (of.subresource !== '') return refuse(`cannot read subresource`)
      if (of.name === '') return refuse('No Object name found')
      return check(node, of)
    }
  const get = new Set(['get'])
  const claim = whole(get, used('persistentvolumeclaims'))
  return new Map<string, Rule>([
    ['secrets', whole(reading, used('secrets'))],
    ['configmaps', whole(reading, used('configmaps'))],
    ['resourceclaims.resource.k8s.io', whole(get, used('resourceclaims'))],
    [
      'persistentvolumeclaims',
      (node, asked, of) => {
        if (of.subresource !== 'status') return claim(node, asked, of)
        if (!['get', 'update', 'patch'].includes(asked.verb)) return refuse('can only get/update/patch this type')
        return of.name === '' ? refuse('No Object name found') : used('persistentvolumeclaims')(node, of)
      },
    ],
    ['persistentvolumes', whole(get, (node, of) => (references.usesVolume(node, of.name) ? allow : noRelation(node, '')))],
    [
      'volumeattachments.storage.k8s.io',
      whole(get, (node, of) => (attachments.get(of.name)?.spec?.nodeName === node ? allow : noRelation(node, ''))),
    ],
    [
      'serviceaccounts',
      (node, asked, of) => {
        const permitted = of.subresource === 'token' ? asked.verb === 'create' : of.subresource === '' && asked.verb === 'get'
        if (!permitted) return refuse('can only get service accounts and create their tokens')
        return of.name === '' ? refuse('No Object name found') : used('serviceaccounts')(node, of)
      },
    ],
    ['leases.coordination.k8s.io', ownLease],
    ['csinodes.storage.k8s.io', ownCsiNode],
    ['resourceslices.resource.k8s.io', ownSlices],
    ['nodes', (node, asked, of) => ownNode(node, asked, of, byRules)],
    ['pods', (node, asked, of) => ownPod(node, asked, of, pods, byRules)],
  ])
}

const ownLease: Rule = (node, asked, of) => {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(asked.verb))
    return refuse('can only get, create, update, patch, or delete a node lease')
  if (of.namespace !== 'kube-node-lease') return refuse(`can only access leases in the "kube-node-lease" system namespace`)
  // The name of a create is in its body, which NodeRestriction checks.
  return asked.verb === 'create' || of.name === node
    ? allow
    : refuse('can only access node lease with the same name as the requesting node')
}

const ownCsiNode: Rule = (node, asked, of) => {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(asked.verb))
    return refuse('can only get, create, update, patch, or delete a CSINode')
  if (of.subresource !== '') return refuse('cannot authorize CSINode subresources')
  return asked.verb === 'create' || of.name === node ? allow : refuse('can only access CSINode with the same name as the requesting node')
}

const ownSlices: Rule = (node, asked, of) => {
  if (of.subresource !== '') return refuse('cannot authorize ResourceSlice subresources')
  if (['get', 'create', 'update', 'patch', 'delete'].includes(asked.verb)) return allow
  if (!['list', 'watch', 'deletecollection'].includes(asked.verb))
    return refuse(
      'only the following verbs are allowed for a ResourceSlice: create, delete, deletecollection, get, list, patch, update, watch',
    )
  return selects(of, 'spec.nodeName', node)
    ? allow
    : refuse('can only list/watch/deletecollection resourceslices with nodeName field selector')
}

function ownNode(node: string, asked: Attributes, of: Resource, byRules: (asked: Attributes) => Decision): Decision {
  const own = of.name === node
  if (reading.has(asked.verb) && of.subresource === '' && !own && !selects(of, 'metadata.name', node))
    return refuse(`node '${node}' cannot read '${of.name}', only its own Node object`)
  // A kubelet's own API (stats, metrics, logs ...) is for the node itself.
  if (own && asked.verb === 'get' && ['configz', 'healthz', 'log', 'metrics', 'pods', 'stats'].includes(of.subresource)) return allow
  return byRules(asked)
}

function ownPod(node: string, asked: Attributes, of: Resource, pods: RuleDeps['pods'], byRules: (asked: Attributes) => Decision): Decision {
  if (of.subresource !== '' || !reading.has(asked.verb)) return byRules(asked)
  if (asked.verb === 'get') return pods.get(`${of.namespace}/${of.name}`)?.spec?.nodeName === node ? allow : noRelation(node, '')
  if (selects(of, 'spec.nodeName', node)) return allow
  const named = of.name !== '' && pods.get(`${of.namespace}/${of.name}`)?.spec?.nodeName === node
  return named ? allow : refuse(`can only list/watch pods with spec.nodeName field selector`)
}

/** Whether a field selector demands `field` to be `value` (other demands narrow it further). */
function selects(of: Resource, field: string, value: string): boolean {
  return (of.fieldSelector ?? '').split(',').some((part) => part === `${field}=${value}` || part === `${field}==${value}`)
}
