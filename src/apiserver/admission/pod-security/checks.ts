import type { Container, PodSpec, SecurityContext, Volume } from '../../../api/types/core-v1.js'
import type { Pod } from '../../../api/types/core-v1.js'

/** The Pod Security Standards (KEP-2579), as checks on a pod. Pure. */

export type Level = 'privileged' | 'baseline' | 'restricted'

interface Check {
  readonly level: Exclude<Level, 'privileged'>
  readonly title: string
  /** What is wrong; empty when nothing is. */
  run(pod: PodView): string[]
}

interface PodView {
  readonly spec: PodSpec
  readonly annotations: Readonly<Record<string, string>>
  readonly containers: readonly Container[]
  readonly windows: boolean
}

/** Each broken check as `title (details)`. */
export function violations(level: Level, pod: Pick<Pod, 'metadata' | 'spec'>): string[] {
  if (level === 'privileged' || !pod.spec) return []
  const { spec } = pod
  const view: PodView = {
    spec,
    annotations: pod.metadata?.annotations ?? {},
    containers: [...(spec.initContainers ?? []), ...spec.containers, ...((spec.ephemeralContainers ?? []) as Container[])],
    windows: spec.os?.name === 'windows',
  }
  return checks
    .filter((check) => check.level === 'baseline' || level === 'restricted')
    .flatMap((check) => {
      const details = check.run(view)
      return details.length > 0 ? [`${check.title} (${details.join('; ')})`] : []
    })
}

const quote = (name: string) => JSON.stringify(name)
const names = (containers: readonly Container[]) =>
  `container${containers.length > 1 ? 's' : ''} ${containers.map(({ name }) => quote(name)).join(', ')}`
const must = (containers: readonly Container[], what: string): string[] =>
  containers.length > 0 ? [`${names(containers)} must ${what}`] : []
const bad = ({ containers }: PodView, test: (context: SecurityContext, container: Container) => boolean) =>
  containers.filter((container) => test(container.securityContext ?? {}, container))

const defaultCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
])
const safeSysctls = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
])
const seLinuxTypes = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'])
const restrictedVolumes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]
const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/'

const baselineChecks: readonly Check[] = [
  {
    level: 'baseline',
    title: 'host namespaces',
    run({ spec }) {
      const set = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field])
      return set.length > 0 ? [set.map((field) => `${field}=true`).join(', ')] : []
    },
  },
  {
    level: 'baseline',
    title: 'privileged',
    run: (pod) =>
      must(
        bad(pod, ({ privileged }) => privileged === true),
        'not set securityContext.privileged=true',
      ),
  },
  {
    level: 'baseline',
    title: 'non-default capabilities',
    run(pod) {
      const extra = (context: SecurityContext) => (context.capabilities?.add ?? []).filter((name) => !defaultCapabilities.has(name))
      const found = bad(pod, (context) => extra(context).length > 0)
      const all = [...new Set(found.flatMap(({ securityContext }) => extra(securityContext ?? {})))].sort().map(quote)
      return must(found, `not include ${all.join(', ')} in securityContext.capabilities.add`)
    },
  },
  {
    level: 'baseline',
    title: 'hostPath volumes',
    run({ spec }) {
      const found = (spec.volumes ?? []).filter((volume) => volume.hostPath)
      return found.length > 0 ? [`volume${found.length > 1 ? 's' : ''} ${found.map(({ name }) => quote(name)).join(', ')}`] : []
    },
  },
  {
    level: 'baseline',
    title: 'hostPort',
    run(pod) {
      const found = bad(pod, (_, container) => (container.ports ?? []).some((port) => port.hostPort))
      const ports = found.flatMap((container) => (container.ports ?? []).flatMap((port) => port.hostPort || []))
      return found.length > 0 ? [`${names(found)} uses hostPort${ports.length > 1 ? 's' : ''} ${ports.join(', ')}`] : []
    },
  },
  {
    level: 'baseline',
    title: 'probe or lifecycle host',
    run(pod) {
      const found = bad(pod, (_, { livenessProbe, readinessProbe, startupProbe, lifecycle }) =>
        [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop].some(
          (handler) => handler?.httpGet?.host || handler?.tcpSocket?.host,
        ),
      )
      return must(found, 'not set a host in probes or lifecycle handlers')
    },
  },
  {
    level: 'baseline',
    title: 'forbidden AppArmor profiles',
    run(pod) {
      const unconfined = (profile: { type?: string } | undefined) => profile?.type === 'Unconfined'
      const annotated = Object.entries(pod.annotations).filter(
        ([key, value]) => key.startsWith(appArmorPrefix) && !['', 'runtime/default'].includes(value) && !value.startsWith('localhost/'),
      )
      return [
        ...(unconfined(pod.spec.securityContext?.appArmorProfile) ? ['pod must not set AppArmor profile type to "Unconfined"'] : []),
        ...must(
          bad(pod, ({ appArmorProfile }) => unconfined(appArmorProfile)),
          'not set AppArmor profile type to "Unconfined"',
        ),
        ...annotated.map(([key, value]) => `annotation ${key}=${quote(value)}`),
      ]
    },
  },
  {
    level: 'baseline',
    title: 'seLinuxOptions',
    run(pod) {
      const wrong = (options: { type?: string; user?: string; role?: string } | undefined) =>
        options !== undefined && (!seLinuxTypes.has(options.type ?? '') || Boolean(options.user) || Boolean(options.role))
      return [
        ...(wrong(pod.spec.securityContext?.seLinuxOptions) ? ['pod set forbidden securityContext.seLinuxOptions'] : []),
        ...must(
          bad(pod, ({ seLinuxOptions }) => wrong(seLinuxOptions)),
          'not set forbidden securityContext.seLinuxOptions',
        ),
      ]
    },
  },
  {
    level: 'baseline',
    title: 'procMount',
    run: (pod) =>
      must(
        bad(pod, ({ procMount }) => procMount !== undefined && procMount !== 'Default'),
        'not set securityContext.procMount',
      ),
  },
  {
    level: 'baseline',
    title: 'seccompProfile',
    run(pod) {
      const unconfined = (profile: { type?: string } | undefined) => profile?.type === 'Unconfined'
      return [
        ...(unconfined(pod.spec.securityContext?.seccompProfile)
          ? ['pod must not set securityContext.seccompProfile.type to "Unconfined"']
          : []),
        ...must(
          bad(pod, ({ seccompProfile }) => unconfined(seccompProfile)),
          'not set securityContext.seccompProfile.type to "Unconfined"',
        ),
      ]
    },
  },
  {
    level: 'baseline',
    title: 'forbidden sysctls',
    run({ spec }) {
      const found = (spec.securityContext?.sysctls ?? []).filter(({ name }) => !safeSysctls.has(name.replaceAll('/', '.')))
      return found.length > 0 ? [found.map(({ name }) => name).join(', ')] : []
    },
  },
  {
    level: 'baseline',
    title: 'hostProcess',
    run(pod) {
      return [
        ...(pod.spec.securityContext?.windowsOptions?.hostProcess
          ? ['pod must not set securityContext.windowsOptions.hostProcess=true']
          : []),
        ...must(
          bad(pod, ({ windowsOptions }) => windowsOptions?.hostProcess === true),
          'not set securityContext.windowsOptions.hostProcess=true',
        ),
      ]
    },
  },
]

const restrictedChecks: readonly Check[] = [
  {
    level: 'restricted',
    title: 'allowPrivilegeEscalation != false',
    run: (pod) =>
      pod.windows
        ? []
        : must(
            bad(pod, ({ allowPrivilegeEscalation }) => allowPrivilegeEscalation !== false),
            'set securityContext.allowPrivilegeEscalation=false',
          ),
  },
  {
    level: 'restricted',
    title: 'unrestricted capabilities',
    run(pod) {
      if (pod.windows) return []
      return [
        ...must(
          bad(pod, ({ capabilities }) => !capabilities?.drop?.includes('ALL')),
          'set securityContext.capabilities.drop=["ALL"]',
        ),
        ...must(
          bad(pod, ({ capabilities }) => (capabilities?.add ?? []).some((name) => name !== 'NET_BIND_SERVICE')),
          'not include capabilities other than "NET_BIND_SERVICE" in securityContext.capabilities.add',
        ),
      ]
    },
  },
  {
    level: 'restricted',
    title: 'restricted volume types',
    run({ spec }) {
      const typeOf = (volume: Volume) => Object.keys(volume).find((key) => key !== 'name' && volume[key as keyof Volume] !== undefined)
      const found = (spec.volumes ?? []).filter((volume) => !restrictedVolumes.includes(typeOf(volume) ?? 'emptyDir'))
      return found.map((volume) => `volume ${quote(volume.name)} uses restricted volume type ${quote(typeOf(volume) ?? '')}`)
    },
  },
  {
    level: 'restricted',
    title: 'runAsNonRoot != true',
    run(pod) {
      const ofPod = pod.spec.securityContext?.runAsNonRoot
      const found = bad(pod, ({ runAsNonRoot }) => runAsNonRoot === false || (runAsNonRoot === undefined && ofPod !== true))
      return found.length > 0 ? [`pod or ${names(found)} must set securityContext.runAsNonRoot=true`] : []
    },
  },
  {
    level: 'restricted',
    title: 'runAsUser=0',
    run: (pod) => [
      ...(pod.spec.securityContext?.runAsUser === 0 ? ['pod must not set runAsUser=0'] : []),
      ...must(
        bad(pod, ({ runAsUser }) => runAsUser === 0),
        'not set runAsUser=0',
      ),
    ],
  },
  {
    level: 'restricted',
    title: 'seccompProfile',
    run(pod) {
      if (pod.windows) return []
      const good = (profile: { type?: string } | undefined) => profile?.type === 'RuntimeDefault' || profile?.type === 'Localhost'
      const ofPod = good(pod.spec.securityContext?.seccompProfile)
      const found = bad(pod, ({ seccompProfile }) => (seccompProfile === undefined ? !ofPod : !good(seccompProfile)))
      return found.length > 0
        ? [`pod or ${names(found)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`]
        : []
    },
  },
]

const checks: readonly Check[] = [...baselineChecks, ...restrictedChecks]
