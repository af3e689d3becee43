import type { TokenRequest } from '../../../api/types/authentication-v1.js'
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../../api/types/core-v1.js'
import type { CSIDriver } from '../../../api/types/storage-v1.js'
import { resources } from '../../../client/resources.js'
import type { ServerAccess } from '../../access.js'
import { liveObject } from '../../live-objects.js'
import type { AdmissionRequest } from '../admission.js'
import { refused } from '../plugin.js'

/** A kubelet gets tokens bound to its own pods only, for audiences that those pods ask for (KEP-4412). */
export async function refuseForeignToken(access: ServerAccess, node: string, request: AdmissionRequest): Promise<void> {
  const { spec } = request.object as unknown as TokenRequest
  const ref = spec?.boundObjectRef
  if (!ref || ref.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name) throw refused(request, `node requested token not bound to a pod`)
  if (!ref.uid) throw refused(request, `node requested token with a pod binding without a uid`)
  const pod = await liveObject<Pod>(access, resources.pods)(request.namespace, ref.name)
  if (!pod || pod.metadata.uid !== ref.uid)
    throw refused(request, `the pod "${ref.name}" does not exist with the UID in the bound object reference`)
  if (pod.spec?.nodeName !== node) throw refused(request, `node requested token bound to a pod scheduled on a different node`)
  const [audience = '', ...more] = spec?.audiences ?? []
  if (more.length > 0) throw refused(request, `node may only request 0 or 1 audiences`)
  if (!audiencesOf(access, pod).has(audience)) throw refused(request, `audience ${JSON.stringify(audience)} not found in pod spec volume`)
}

/** '' stands for the API server's own audience. */
function audiencesOf(access: ServerAccess, pod: Pod): ReadonlySet<string> {
  const drivers = access.lister<CSIDriver>(resources.csiDrivers)
  const found = new Set<string>()
  for (const volume of pod.spec?.volumes ?? []) {
    for (const source of volume.projected?.sources ?? [])
      if (source.serviceAccountToken) found.add(source.serviceAccountToken.audience ?? '')
    const driver = driverOf(access, pod, volume)
    for (const request of (driver ? drivers.get(driver) : undefined)?.spec?.tokenRequests ?? []) found.add(request.audience ?? '')
  }
  return found
}

/** The CSI driver behind a volume: inline, or through claim and volume. */
function driverOf(access: ServerAccess, pod: Pod, volume: Volume): string | undefined {
  if (volume.csi) return volume.csi.driver
  const claimName = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined)
  if (!claimName) return undefined
  const claim = access.lister<PersistentVolumeClaim>(resources.persistentVolumeClaims).get(`${pod.metadata.namespace}/${claimName}`)
  const volumeName = claim?.spec?.volumeName
  return volumeName ? access.lister<PersistentVolume>(resources.persistentVolumes).get(volumeName)?.spec?.csi?.driver : undefined
}
