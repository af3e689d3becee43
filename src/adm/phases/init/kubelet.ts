import { httpsTransport } from '../../../client/https/transport.js'
import { localUrl } from '../../kubeconfigs/kubeconfigs.js'
import { resources } from '../../../client/resources.js'
import type { Node } from '../../../api/types/core-v1.js'
import { parseDurationMs } from '../../../base/duration.js'
import { messageOf, QuorateError } from '../../../base/errors.js'
import { kubeletConfiguration, kubeletConfigurationText } from '../../kubelet/config.js'
import { flagsText, kubeletConfigPath, kubeletFlagsPath } from '../../service/kubelet-service.js'
import type { NodeRegistration } from '../../config/types.js'
import type { NodeFiles } from '../../machine/node-files.js'
import type { Phase } from '../phase.js'
import { certificatesOf, type InitContext } from './context.js'

const pollMs = 200

export const kubeletStartPhase: Phase<InitContext> = {
  name: 'kubelet-start',
  description: 'Write kubelet settings and (re)start the kubelet',
  async run({ say, cluster, kubelet, files, init, service, hostname }) {
    say(`[kubelet-start] Writing kubelet environment file with flags to file "${kubeletFlagsPath}"`)
    files.write(kubeletFlagsPath, flagsText(kubeletFlags(init.nodeRegistration, hostname)), 0o600)
    say(`[kubelet-start] Writing kubelet configuration to file "${kubeletConfigPath}"`)
    files.write(
      kubeletConfigPath,
      kubeletConfigurationText(onThisMachine(kubeletConfiguration(cluster, kubelet), { files, node: init.nodeRegistration })),
    )
    say('[kubelet-start] Starting the kubelet')
    await service.start()
  },
}

/** The cluster's configuration with what is this machine's own: its container runtime, and who makes its groups. */
export function onThisMachine(
  configuration: Readonly<Record<string, unknown>>,
  { files, node }: { files: NodeFiles; node: NodeRegistration },
): Readonly<Record<string, unknown>> {
  const cgroupDriver = files.kind('/run/systemd/system') === 'directory' ? 'systemd' : 'cgroupfs'
  return { ...configuration, cgroupDriver, containerRuntimeEndpoint: node.criSocket }
}

/** Flags beside the configuration file. */
export function kubeletFlags({ name, kubeletExtraArgs = [], taints }: NodeRegistration, hostname: string): string[] {
  const own = [
    ...(name === hostname.toLowerCase() ? [] : [`--hostname-override=${name}`]),
    ...(taints?.length
      ? [`--register-with-taints=${taints.map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`).join(',')}`]
      : []),
  ]
  const given = new Set(kubeletExtraArgs.map((arg) => arg.name))
  return [
    ...own.filter((flag) => !given.has(flag.slice(2).split('=')[0] ?? '')),
    ...kubeletExtraArgs.map((arg) => `--${arg.name}=${arg.value}`),
  ]
}

export const waitControlPlanePhase: Phase<InitContext> = {
  name: 'wait-control-plane',
  description: 'Wait for the control plane to start',
  async run(context) {
    const { say, init, service, clock } = context
    const timeout = init.timeouts.controlPlaneComponentHealthCheck
    say(`[wait-control-plane] Waiting for the kubelet to boot up the control plane as static Pods. This can take up to ${timeout}`)
    const startedAtMs = clock.monotonic()
    const deadline = startedAtMs + (parseDurationMs(timeout) ?? 0)
    // This machine's own API server, not one that the endpoint leads to.
    const own = httpsTransport({ url: localUrl(init.localAPIEndpoint), tls: { ca: certificatesOf(context).pemOf('ca') }, clock })
    let last = ''
    while (clock.monotonic() < deadline) {
      try {
        const { status } = await own.request({ method: 'GET', path: '/readyz', timeoutMs: 5_000 })
        last = `the API server answers ${status}`
        if (status === 200) {
          // The node is there once its kubelet has registered: what follows marks it.
          await (await context.client()).resource<Node>(resources.nodes).get('', init.nodeRegistration.name)
          await own.close()
          return say(`[wait-control-plane] The control plane is healthy after ${((clock.monotonic() - startedAtMs) / 1000).toFixed(1)} s`)
        }
      } catch (error) {
        last = messageOf(error)
      }
      await clock.sleep(pollMs)
    }
    await own.close()
    throw new QuorateError('ControlPlaneNotHealthy', `the control plane did not become healthy within ${timeout}: ${last}`, {
      remedy: `See what the kubelet says (${service.logs}) and the logs of the static pods below /var/log/pods.`,
    })
  },
}
