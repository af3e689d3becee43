import { Buffer } from 'node:buffer'
import type { Pod, ServiceAccountTokenProjection, VolumeProjection } from '../../../api/types/core-v1.js'
import type { Client } from '../../../client/client.js'
import type { NodeFacts } from '../downward-api/downward-api.js'
import type { FileEntry } from '../files/atomic-writer.js'
import { type FileVolumeHost, fileVolume } from '../files/file-volume.js'
import { configMapFiles, defaultMode, downwardFiles, secretFiles } from '../files/payload.js'
import type { ObjectWatch } from '../objects/object-watch.js'
import type { TokenManager } from '../tokens/token-manager.js'
import type { VolumeRequest, VolumeType } from '../volume-type.js'
import { trustBundle } from './trust-bundles.js'

/** Several sources in one volume of files: tokens of the service account, ConfigMaps, Secrets, the pod's own fields, trust bundles. */
export interface ProjectedSources {
  readonly objects: ObjectWatch
  readonly tokens: TokenManager
  readonly node: NodeFacts
  readonly client: Client
}

const defaultTokenSeconds = 3_600

export function projectedVolume(host: FileVolumeHost, sources: ProjectedSources): VolumeType {
  return fileVolume(host, {
    plugin: 'kubernetes.io/projected',
    inMemory: true,
    handles: ({ volume }) => volume.projected !== undefined,
    async files(request) {
      const { projected } = request.spec.volume
      const mode = projected?.defaultMode ?? defaultMode
      const files = new Map<string, FileEntry>()
      const faults: string[] = []
      for (const source of projected?.sources ?? []) {
        try {
          for (const [path, file] of await filesOf(source, request, mode, sources)) files.set(path, file)
        } catch (error) {
          faults.push(error instanceof Error ? error.message : String(error))
        }
      }
      // As Go prints a list of errors.
      const distinct = [...new Set(faults)]
      if (distinct.length > 0) throw new Error(distinct.length === 1 ? distinct[0] : `[${distinct.join(', ')}]`)
      return files
    },
  })
}

async function filesOf(
  { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate }: VolumeProjection,
  request: VolumeRequest,
  mode: number,
  { objects, tokens, node, client }: ProjectedSources,
): Promise<ReadonlyMap<string, FileEntry>> {
  const { pod } = request
  const namespace = pod.metadata.namespace ?? ''
  if (configMap) {
    const { name = '', items, optional = false } = configMap
    const map = await objects.configMap(namespace, name)
    if (!map && !optional) throw new Error(`configmap "${name}" not found`)
    return map ? configMapFiles(map, { ...(items ? { items } : {}), mode, optional }) : new Map()
  }
  if (secret) {
    const { name = '', items, optional = false } = secret
    const found = await objects.secret(namespace, name)
    if (!found && !optional) throw new Error(`secret "${name}" not found`)
    return found ? secretFiles(found, { ...(items ? { items } : {}), mode, optional }) : new Map()
  }
  if (downwardAPI) return downwardFiles(pod, downwardAPI.items ?? [], { mode, allocatable: node.allocatable(), hostIps: node.hostIps() })
  if (serviceAccountToken) {
    const token = await tokens.token(tokenWanted(pod, serviceAccountToken))
    return new Map([[serviceAccountToken.path, tokenFile(token.token, request, mode)]])
  }
  if (clusterTrustBundle) {
    const data = Buffer.from(await trustBundle(client, clusterTrustBundle))
    return new Map([[clusterTrustBundle.path, { data, mode }]])
  }
  if (podCertificate) throw new Error('podCertificate projections are not implemented')
  return new Map()
}

function tokenWanted({ metadata, spec }: Pod, { audience = '', expirationSeconds }: ServiceAccountTokenProjection) {
  return {
    namespace: metadata.namespace ?? '',
    serviceAccount: spec?.serviceAccountName || 'default',
    podName: metadata.name ?? '',
    podUid: metadata.uid ?? '',
    audience,
    expirationSeconds: expirationSeconds ?? defaultTokenSeconds,
  }
}

/** Readable by those who run as the pod's one user or its group only, where it has such (KEP-2451). */
function tokenFile(token: string, { pod, fsGroup }: VolumeRequest, mode: number): FileEntry {
  const uid = onlyUser(pod)
  const data = Buffer.from(token)
  if (uid !== undefined) return { data, mode: 0o600, uid }
  return { data, mode: fsGroup ? 0o600 : mode }
}

/** The user that every container of the pod runs as, when it is the same for all. */
function onlyUser({ spec }: Pod): number | undefined {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])]
  const users = new Set(containers.map(({ securityContext }) => securityContext?.runAsUser ?? spec?.securityContext?.runAsUser))
  return users.size === 1 ? [...users][0] : undefined
}
