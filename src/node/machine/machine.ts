/**
 * The process that stands for one control-plane machine of a cluster on this machine: its kubelet, and in the same process the
 * static pods of this package. Killed, it takes all of them with it, as a power cut would.
 */
import type { ComponentDeps, RunningComponent } from '../../base/component.js'
import { QuorateError } from '../../base/errors.js'
import { type HostedDeps, running } from '../components/component.js'
import { type KubeletComponent, startKubeletComponent } from '../components/kubelet.js'
import { type ControlRequest, serveControl } from './control.js'
import { byAddress } from './by-address.js'
import { resolveOnNode } from './node-root.js'

/** What `quorate node --config FILE` reads. */
export interface MachineConfig {
  readonly name: string
  /** The node's own directory. */
  readonly root: string
  /** Files of /run/quorate → where they really are. */
  readonly shared: Readonly<Record<string, string>>
  /** What the addresses that only exist in the cluster begin with: they are reached on the loopback address. */
  readonly simulatedNetwork: string
  readonly controlSocket: string
  readonly kubeletFlags: readonly string[]
}

export function startMachine(config: MachineConfig, deps: ComponentDeps): RunningComponent {
  const hosted: HostedDeps = {
    ...deps,
    hostname: config.name,
    resolvePath: resolveOnNode({ dir: config.root, shared: config.shared }),
    route: (host) => (host.startsWith(config.simulatedNetwork) ? '127.0.0.1' : host),
    hostedApiServers: byAddress(),
    hostedHealth: byAddress(),
  }
  return running(async (fail) => {
    const kubelet = startKubeletComponent(config.kubeletFlags, hosted)
    kubelet.done.catch(fail)
    const control = await serveControl(config.controlSocket, (request) => answer(kubelet, request))
    await kubelet.ready
    return {
      async stop(how) {
        await control.close()
        await kubelet.stop(how)
      },
    }
  })
}

/** What the control socket can be asked. */
function answer(kubelet: KubeletComponent, { op, component }: ControlRequest): unknown {
  switch (op) {
    case 'pods':
      return kubelet.staticPods()
    case 'faults':
      return Object.fromEntries(kubelet.manifestFaults())
    case 'kill':
      if (!kubelet.crashComponent(String(component))) throw new QuorateError('NotRunning', `${String(component)} does not run`)
      return undefined
    default:
      throw new QuorateError('BadRequest', `unknown operation ${op}`)
  }
}
