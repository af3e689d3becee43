/**
 * Scrubs a released volume by a pod that empties it (reclaim policy Recycle, deprecated upstream but still kept). One pod a volume, named
 * after it; it has ended well or not, or it runs on.
 */
import { hasReason } from '../../api/status.js'
import type { PersistentVolume, Pod } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { unlessGone } from '../common/refusals.js'
import type { View } from '../controller.js'

const namespace = 'default'
const prefix = 'recycler-for-'
const image = 'registry.k8s.io/build-image/debian-base:bookworm-v1.0.4'
const scrub = 'test -e /scrub && rm -rf /scrub/..?* /scrub/.[!.]* /scrub/* && test -z "$(ls -A /scrub)" || exit 1'
/** --pv-recycler-minimum-timeout-hostpath and -nfs. */
const timeoutSeconds = { hostPath: 60, nfs: 300 }

/** The volume that a pod scrubs, by name. */
export function scrubbedBy({ metadata }: Pod): string | undefined {
  return metadata.namespace === namespace && metadata.name?.startsWith(prefix) ? metadata.name.slice(prefix.length) : undefined
}

export async function scrubVolume(volume: PersistentVolume, view: View): Promise<'running' | 'done' | { readonly failed: string }> {
  const name = `${prefix}${volume.metadata.name}`
  const pods = view.client.resource<Pod>(resources.pods)
  const present = view.lister<Pod>(resources.pods).get(`${namespace}/${name}`)
  if (!present) {
    try {
      await pods.create(recyclerPod(name, volume))
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error
    }
    return 'running'
  }
  const { phase, message } = present.status ?? {}
  if (phase !== 'Succeeded' && phase !== 'Failed') return 'running'
  await unlessGone(pods.delete(namespace, name))
  return phase === 'Succeeded' ? 'done' : { failed: message || 'Pod failed, pod.Status.Message unknown.' }
}

function recyclerPod(name: string, { spec }: PersistentVolume): Pod {
  const source = spec?.nfs ? { nfs: spec.nfs } : { hostPath: spec?.hostPath ?? { path: '' } }
  return {
    metadata: { name, namespace },
    spec: {
      activeDeadlineSeconds: spec?.nfs ? timeoutSeconds.nfs : timeoutSeconds.hostPath,
      restartPolicy: 'Never',
      volumes: [{ name: 'vol', ...source }],
      containers: [
        { name: 'pv-recycler', image, command: ['/bin/sh'], args: ['-c', scrub], volumeMounts: [{ name: 'vol', mountPath: '/scrub' }] },
      ],
    },
  }
}
