/**
 * The process that stands for one control-plane machine of a cluster on this machine: its kubelet, and in the same process the
 * static pods of this package. Killed, it takes all of them with it, as a power cut would.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { ComponentDeps, RunningComponent } from '../../base/component.js'
import type { HostedDeps } from '../components/component.js'
import { running } from '../components/component.js'
import { componentMain } from '../components/mains.js'
import { type ControlRequest, serveControl } from './control.js'
import { hostedApiServers } from './hosted-api-servers.js'
import { resolveOnNode } from './node-root.js'

/** What `quorate node --config FILE` reads. */
export interface MachineConfig {
  readonly name: string
  /** The node's own directory. */
  readonly root: string
  /** Files of /run/quorate → where they really are. */
  readonly shared: Readonly<Record<string, string>>
  /** First three numbers or fewer of the addresses that only exist in the cluster: they are reached on the loopback address. */
  readonly simulatedNetwork: string
  readonly controlSocket: string
  readonly kubeletFlags: readonly string[]
}

export function startMachine(config: MachineConfig, deps: ComponentDeps): RunningComponent {
  const hosted: HostedDeps = {
    ...deps,
    resolvePath: resolveOnNode({ dir: config.root, shared: config.shared }),
    route: (host) => (host.startsWith(config.simulatedNetwork) ? '127.0.0.1' : host),
    hostedApiServers: hostedApiServers(),
  }
  return running(async () => {
    const components = new Map<string, RunningComponent>()
    const dir = join(config.root, 'etc/kubernetes/manifests')
    for (const file of readdirSync(dir)) {
      const pod = parse(readFileSync(join(dir, file), 'utf8')) as { spec: { containers: { command: string[] }[] } }
      const [name = '', ...argv] = pod.spec.containers[0]?.command ?? []
      const main = await componentMain(name)
      if (!main) continue
      const component = main.start(argv, { ...hosted, logger: deps.logger.child({ component: name }) })
      component.done.catch((error: Error) => deps.logger.error('Component failed', { name, error: error.message }))
      components.set(name, component)
    }
    const control = await serveControl(config.controlSocket, async ({ op, component }: ControlRequest) => {
      if (op === 'kill') await components.get(String(component))?.stop({ crash: true })
    })
    return {
      async stop(how) {
        await control.close()
        await Promise.all([...components.values()].map((component) => component.stop(how)))
      },
    }
  })
}
