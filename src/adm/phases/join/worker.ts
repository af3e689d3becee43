import { parse } from 'yaml'
import type { ConfigMap, Node } from '../../../api/types/core-v1.js'
import { hasReason } from '../../../api/status.js'
import { parseDurationMs } from '../../../base/duration.js'
import { QuorateError } from '../../../base/errors.js'
import { resources } from '../../../client/resources.js'
import { bootstrapKubeconfigText } from '../../kubeconfigs/bootstrap-kubeconfig.js'
import { kubeletConfigurationText } from '../../kubelet/config.js'
import { runChecks } from '../../preflight/check.js'
import { joinChecks, nodeChecks } from '../../preflight/init-checks.js'
import { thisMachine } from '../../preflight/machine.js'
import {
  bootstrapKubeconfigPath,
  flagsText,
  kubeletConfigPath,
  kubeletFlagsPath,
  kubeletKubeconfigPath,
} from '../../service/kubelet-service.js'
import { kubeletFlags, onThisMachine } from '../init/kubelet.js'
import type { Phase } from '../phase.js'
import type { JoinContext } from './context.js'

const pollMs = 200

export const joinPreflightPhase: Phase<JoinContext> = {
  name: 'preflight',
  description: 'Run join pre-flight checks',
  async run({ say, files, join, ignoredErrors, cluster }) {
    say('[preflight] Running pre-flight checks')
    const ignored = [...ignoredErrors, ...(join.nodeRegistration.ignorePreflightErrors ?? [])]
    const { warnings } = await runChecks(
      [...nodeChecks, ...joinChecks],
      { machine: thisMachine(files), node: join.nodeRegistration },
      ignored,
    )
    for (const warning of warnings) say(`\t${warning}`)
    const { server } = await cluster()
    say(`[preflight] The cluster is at ${server}`)
  },
}

export const joinKubeletStartPhase: Phase<JoinContext> = {
  name: 'kubelet-start',
  description: 'Write kubelet settings, certificates and (re)start the kubelet',
  async run(context) {
    const { say, files, join, hostname, service } = context
    const { name } = join.nodeRegistration
    const found = await context.cluster()
    const client = await context.client()
    await assertNameFree(context)
    const token = join.discovery.tlsBootstrapToken
    if (!token)
      throw new QuorateError('BadUsage', 'there is no token to ask for a certificate with', {
        remedy: 'Give --token or --tls-bootstrap-token.',
      })
    say('[kubelet-start] Reading configuration from the "kubelet-config" ConfigMap in namespace "kube-system"')
    const { data } = await client.resource<ConfigMap>(resources.configMaps).get('kube-system', 'kubelet-config')
    const configuration = parse(data?.kubelet ?? '') as Record<string, unknown>
    say(`[kubelet-start] Writing kubelet configuration to file "${kubeletConfigPath}"`)
    files.write(kubeletConfigPath, kubeletConfigurationText(onThisMachine(configuration, { files, node: join.nodeRegistration })))
    say(`[kubelet-start] Writing kubelet environment file with flags to file "${kubeletFlagsPath}"`)
    files.write(kubeletFlagsPath, flagsText(kubeletFlags(join.nodeRegistration, hostname)))
    files.write(join.caCertPath, found.caPem, 0o644)
    files.write(bootstrapKubeconfigPath, bootstrapKubeconfigText(found, token))
    say(`[kubelet-start] Starting the kubelet of ${name}`)
    await service.start()
  },
}

/** Two nodes of one name would push each other out. */
async function assertNameFree({ join, client }: JoinContext): Promise<void> {
  const { name } = join.nodeRegistration
  try {
    const { status } = await (await client()).resource<Node>(resources.nodes).get('', name)
    const isReady = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True')
    if (isReady)
      throw new QuorateError('NodeExists', `a node with name "${name}" and status "Ready" already exists in the cluster`, {
        remedy: 'Delete that node, or give this machine another name: --node-name NAME.',
      })
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
  }
}

export const kubeletWaitBootstrapPhase: Phase<JoinContext> = {
  name: 'kubelet-wait-bootstrap',
  description: 'Wait for the kubelet to bootstrap itself',
  async run({ say, files, join, clock, service, client }) {
    const timeout = join.timeouts.tlsBootstrap
    say(`[kubelet-wait-bootstrap] Waiting for the kubelet to perform the TLS Bootstrap. This can take up to ${timeout}`)
    const deadline = clock.monotonic() + (parseDurationMs(timeout) ?? 0)
    const nodes = (await client()).resource<Node>(resources.nodes)
    const isThere = async () => {
      if (!files.exists(kubeletKubeconfigPath)) return false
      return nodes.get('', join.nodeRegistration.name).then(
        () => true,
        () => false,
      )
    }
    while (!(await isThere())) {
      if (clock.monotonic() >= deadline)
        throw new QuorateError('BootstrapTimeout', `the kubelet has not registered this node within ${timeout}`, {
          remedy: `See what it says: ${service.logs}. Is its certificate request granted ("kubectl get csr")?`,
        })
      await clock.sleep(pollMs)
    }
    // The token has done its work.
    files.remove(bootstrapKubeconfigPath)
    say(`
This node has joined the cluster:
* Certificate signing request was sent to apiserver and a response was received.
* The Kubelet was informed of the new secure connection details.

Run 'kubectl get nodes' on the control-plane to see this node join the cluster.
`)
  },
}
