import type { Container, Pod } from '../../../api/types/core-v1.js'
import { hostnameOf } from '../../volumes/hosts-file.js'
import { expand } from '../../environment/expansion.js'
import type { Device, EnvironmentVariable, Mount } from '../../volumes/pod-resources.js'
import { type ContainerConfig, mountPropagation, type PodSandboxConfig } from './api/types.js'
import { type ClusterDns, dnsConfigOf } from './dns-config.js'
import { type AnyContainer, containerAnnotations, containerLabels, podLabels, podLogDirectory } from './names.js'
import { type NodeResources, podResourcesOf, resourcesOf } from './resources.js'
import { containerSecurity, sandboxSecurity, type SecurityContextInput } from './security-context.js'

/** What the runtime is asked to make of a pod and of its containers. Pure. */
export interface SandboxFacts {
  /** /var/log/pods */
  readonly logsDir: string
  /** As the runtime is told of it, by the cgroup driver. */
  cgroupParent(pod: Pod): string
  readonly dns: ClusterDns
}

const protocols: Readonly<Record<string, number>> = { TCP: 0, UDP: 1, SCTP: 2 }

export function sandboxConfigOf(pod: Pod, attempt: number, facts: SandboxFacts): PodSandboxConfig {
  const { name = '', namespace = '', uid = '', labels = {}, annotations = {} } = pod.metadata
  const { spec } = pod
  return {
    metadata: { name, namespace, uid, attempt },
    hostname: spec?.hostNetwork ? '' : sandboxHostname(pod, facts.dns.domain),
    logDirectory: `${facts.logsDir}/${podLogDirectory(namespace, name, uid)}`,
    dnsConfig: dnsConfigOf(pod, facts.dns),
    portMappings: portMappingsOf(pod),
    labels: { ...labels, ...podLabels(pod) },
    annotations,
    linux: {
      cgroupParent: facts.cgroupParent(pod),
      sysctls: Object.fromEntries((spec?.securityContext?.sysctls ?? []).map((sysctl) => [sysctl.name.replaceAll('/', '.'), sysctl.value])),
      securityContext: sandboxSecurity(pod),
      resources: podResourcesOf(pod),
    },
  }
}

/** With setHostnameAsFQDN the kernel's host name is the whole one (KEP-1797). */
function sandboxHostname(pod: Pod, domain: string): string {
  const short = hostnameOf(pod)
  const { subdomain, setHostnameAsFQDN } = pod.spec ?? {}
  return setHostnameAsFQDN && subdomain ? `${short}.${subdomain}.${pod.metadata.namespace}.svc.${domain}` : short
}

function portMappingsOf({ spec }: Pod) {
  if (spec?.hostNetwork) return []
  const all: readonly Container[] = [
    ...(spec?.containers ?? []),
    ...(spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy),
  ]
  return all
    .flatMap(({ ports = [] }) => ports)
    .map(({ protocol = 'TCP', containerPort, hostPort = 0, hostIP: hostIp = '' }) => ({
      ...{ protocol: protocols[protocol] ?? 0, containerPort, hostPort, hostIp },
    }))
}

export interface ContainerFacts {
  readonly pod: Pod
  readonly container: AnyContainer
  readonly attempt: number
  /** The image as the runtime has it, and as it is to be started from. */
  readonly image: SecurityContextInput['image']
  readonly imageRef: string
  readonly environment: readonly EnvironmentVariable[]
  readonly mounts: readonly Mount[]
  readonly devices: readonly Device[]
  /** The file that becomes its termination message. */
  readonly messageFile: string
  readonly node: NodeResources
  readonly security: Pick<SecurityContextInput, 'seccompDefault' | 'seccompDir' | 'targetId'>
}

export function containerConfigOf(facts: ContainerFacts): ContainerConfig {
  const { pod, container, attempt, environment } = facts
  const variables = new Map(environment.map(({ name, value }) => [name, value]))
  const expanded = (texts: readonly string[] = []) => texts.map((text) => expand(text, (name) => variables.get(name)))
  return {
    metadata: { name: container.name, attempt },
    image: { image: facts.imageRef, userSpecifiedImage: container.image ?? '' },
    command: expanded(container.command),
    args: expanded(container.args),
    workingDir: container.workingDir ?? '',
    envs: environment.map(({ name, value }) => ({ key: name, value })),
    mounts: [...facts.mounts.map(criMount), ...messageMount(container, facts.messageFile)],
    devices: facts.devices,
    labels: containerLabels(pod, container),
    annotations: containerAnnotations(pod, container, attempt),
    logPath: `${container.name}/${attempt}.log`,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    linux: {
      resources: resourcesOf(pod, container, facts.node),
      securityContext: containerSecurity({ pod, container, image: facts.image, ...facts.security }),
    },
  }
}

function criMount({ containerPath, hostPath, readOnly, recursiveReadOnly, propagation, selinuxRelabel }: Mount): object {
  return {
    ...{ containerPath, hostPath, readonly: readOnly, selinuxRelabel, recursiveReadOnly },
    propagation: mountPropagation[propagation],
  }
}

function messageMount({ terminationMessagePath }: AnyContainer, hostPath: string): object[] {
  return terminationMessagePath && hostPath !== '' ? [{ containerPath: terminationMessagePath, hostPath, selinuxRelabel: true }] : []
}
