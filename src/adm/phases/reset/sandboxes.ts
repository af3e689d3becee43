/** Takes away every pod of a container runtime: what runs on a node is all the kubelet's. */
import type { Clock } from '../../../base/clock.js'
import { socketPath } from '../../machine/cri-socket.js'
import { CriClient } from '../../../kubelet/runtimes/cri/api/client.js'

/** Returns how many there were. Throws when the runtime does not answer. */
export async function removeSandboxes(criSocket: string, clock: Clock): Promise<number> {
  const client = new CriClient({ clock, runtimeSocket: socketPath(criSocket) })
  try {
    const sandboxes = await client.listPodSandboxes()
    // One after the other: network plugins do not bear much at once.
    for (const { id } of sandboxes) {
      await client.stopPodSandbox(id)
      await client.removePodSandbox(id)
    }
    return sandboxes.length
  } finally {
    client.close()
  }
}
