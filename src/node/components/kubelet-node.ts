/** The Node that a kubelet registers for the machine that it runs on. */
import { readFileSync } from 'node:fs'
import { arch, cpus, hostname, release, totalmem } from 'node:os'
import type { NodeDescription } from '../../kubelet/nodes/node-object.js'
import { FlagError, type Flags } from '../flags/flags.js'
import { gitVersion } from '../version.js'
import type { KubeletConfig } from './kubelet-config.js'

export function describeMachine(flags: Flags, config: KubeletConfig, runtimeVersion: string): NodeDescription {
  const name = (flags.string('hostname-override') || hostname()).toLowerCase()
  const ips = flags.list('node-ip')
  const id = firstLine('/etc/machine-id')
  return {
    name,
    ips: ips.length > 0 ? ips : ['127.0.0.1'],
    labels: labelsOf(flags),
    taints: config.taints,
    capacity: {
      cpu: String(cpus().length),
      'ephemeral-storage': '100Gi',
      'hugepages-1Gi': '0',
      'hugepages-2Mi': '0',
      memory: `${Math.floor(totalmem() / 1024)}Ki`,
      pods: String(config.maxPods),
    },
    info: {
      architecture: arch() === 'x64' ? 'amd64' : arch(),
      bootID: firstLine('/proc/sys/kernel/random/boot_id'),
      containerRuntimeVersion: runtimeVersion,
      kernelVersion: release(),
      kubeProxyVersion: '',
      kubeletVersion: gitVersion,
      machineID: id,
      operatingSystem: 'linux',
      osImage: osImage(),
      systemUUID: id,
    },
    port: config.port,
    ...(config.providerId ? { providerId: config.providerId } : {}),
  }
}

/** --node-labels: of the kubernetes.io domains only those that a kubelet may set of itself. */
function labelsOf(flags: Flags): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const text of flags.list('node-labels')) {
    const [key = '', value = ''] = text.split('=')
    const domain = key.includes('/') ? key.slice(0, key.indexOf('/')) : ''
    const reserved = /(^|\.)(kubernetes|k8s)\.io$/.test(domain) && !/(^|\.)(kubelet|node)\.kubernetes\.io$/.test(domain)
    if (reserved && !allowedLabels.has(key))
      throw new FlagError(`unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [${key}]`)
    labels[key] = value
  }
  return labels
}

const allowedLabels = new Set([
  ...['kubernetes.io/hostname', 'kubernetes.io/os', 'kubernetes.io/arch', 'beta.kubernetes.io/os', 'beta.kubernetes.io/arch'],
  ...['topology.kubernetes.io/zone', 'topology.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/zone'],
  ...['failure-domain.beta.kubernetes.io/region', 'node.kubernetes.io/instance-type', 'beta.kubernetes.io/instance-type'],
])

function firstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n')[0]?.trim() ?? ''
  } catch {
    return ''
  }
}

function osImage(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? process.platform
  } catch {
    return process.platform
  }
}
