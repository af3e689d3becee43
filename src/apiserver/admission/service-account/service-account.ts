import type { Container, Pod, ServiceAccount, Volume } from '../../../api/types/core-v1.js'
import { resources } from '../../../client/resources.js'
import { liveObject } from '../../live-objects.js'
import { podReferences } from '../../pod-references.js'
import { podTokenSeconds } from '../../authn/service-account/issuer.js'
import type { AdmissionPlugin, AdmissionRequest } from '../admission.js'
import { type AdmissionDeps, on, refused } from '../plugin.js'

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount'
const volumePrefix = 'kube-api-access-'
const mirror = 'kubernetes.io/config.mirror'
const enforceSecrets = 'kubernetes.io/enforce-mountable-secrets'

/** Every pod runs as a ServiceAccount that exists, and its containers find that account's token mounted. */
export function serviceAccountPlugin({ access, random }: AdmissionDeps): AdmissionPlugin {
  const find = liveObject<ServiceAccount>(access, resources.serviceAccounts)
  const apply = (request: AdmissionRequest, pod: Pod, account: ServiceAccount | undefined) => {
    const name = pod.spec?.serviceAccountName ?? ''
    if (!account)
      throw refused(request, `error looking up service account ${request.namespace}/${name}: serviceaccount "${name}" not found`)
    if (wantsToken(pod, account)) mountToken(pod, () => volumePrefix + random.suffix(5))
    if (pod.spec && !pod.spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
      pod.spec.imagePullSecrets = account.imagePullSecrets.map((secret) => ({ ...secret }))
  }
  return {
    name: 'ServiceAccount',
    handles: on(['CREATE', 'UPDATE'], 'pods', 'pods/ephemeralcontainers'),
    mutate(request) {
      const pod = request.object as unknown as Pod
      if (request.operation !== 'CREATE' || request.subresource !== '' || isMirror(pod)) return undefined
      const spec = (pod.spec ??= { containers: [] })
      spec.serviceAccountName ||= 'default'
      // The older name of the same field, for clients that read it.
      spec.serviceAccount = spec.serviceAccountName
      const account = find(request.namespace, spec.serviceAccountName)
      return account instanceof Promise ? account.then((found) => apply(request, pod, found)) : apply(request, pod, account)
    },
    validate(request) {
      const pod = request.object as unknown as Pod
      if (request.operation === 'CREATE' && isMirror(pod)) return refuseMirrorWithRights(request, pod)
      const account = find(request.namespace, pod.spec?.serviceAccountName || 'default')
      return account instanceof Promise ? account.then((found) => checkSecrets(request, pod, found)) : checkSecrets(request, pod, account)
    },
  }
}

const isMirror = (pod: Pod) => pod.metadata.annotations?.[mirror] !== undefined

/** A mirror pod is a node's word, so it must not be a way to things of the API. */
function refuseMirrorWithRights(request: AdmissionRequest, pod: Pod): void {
  if (pod.spec?.serviceAccountName) throw refused(request, 'a mirror pod may not reference service accounts')
  const references = podReferences(pod)
  if (references.secrets.size > 0) throw refused(request, 'a mirror pod may not reference secrets')
  if (pod.spec?.volumes?.some((volume) => volume.projected?.sources?.some((source) => source.serviceAccountToken)))
    throw refused(request, 'a mirror pod may not use ServiceAccountToken volume projections')
}

function wantsToken(pod: Pod, account: ServiceAccount): boolean {
  return pod.spec?.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true
}

function mountToken(pod: Pod, newName: () => string): void {
  const spec = pod.spec
  if (!spec) return
  const hasMount = (container: Container) => container.volumeMounts?.some((mount) => mount.mountPath === mountPath) ?? false
  const without = [...(spec.initContainers ?? []), ...spec.containers].filter((container) => !hasMount(container))
  if (without.length === 0) return
  const existing = spec.volumes?.find((volume) => volume.name.startsWith(volumePrefix))
  const name = existing?.name ?? newName()
  if (!existing) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)]
  for (const container of without) container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }]
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: podTokenSeconds, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
      defaultMode: 0o644,
    },
  }
}

/** An account may say that its pods use no secrets but those it lists. */
function checkSecrets(request: AdmissionRequest, pod: Pod, account: ServiceAccount | undefined): void {
  if (account?.metadata.annotations?.[enforceSecrets] !== 'true') return
  const allowed = new Set([...(account.secrets ?? []), ...(account.imagePullSecrets ?? [])].map((reference) => reference.name))
  for (const secret of podReferences(pod).secrets)
    if (!allowed.has(secret))
      throw refused(request, `secret "${secret}" is not referenced by service account ${account.metadata.name ?? ''}`)
}
