/** A static pod of a control plane as kubeadm shapes it: names, labels, probes, priority; the image is native unless told otherwise. */
import { stringify } from 'yaml'

export type HostPath = readonly [name: string, path: string, type: 'DirectoryOrCreate' | 'FileOrCreate']

/** What an administrator adds to a component (kubeadm: extraArgs, extraVolumes, extraEnvs). */
export interface ComponentExtras {
  /** They take the place of the component's own flags of the same name. */
  readonly args?: readonly { readonly name: string; readonly value: string }[]
  readonly volumes?: readonly ExtraVolume[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
}

export interface ExtraVolume {
  readonly name: string
  readonly hostPath: string
  readonly mountPath: string
  readonly readOnly?: boolean
  readonly pathType?: string
}

export interface StaticPodOptions {
  readonly name: string
  readonly image: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly flags: Readonly<Record<string, string>>
  readonly extra?: ComponentExtras
  readonly probes: Readonly<Record<string, unknown>>
  /** Where the probes go. */
  readonly port: number
  readonly requests: Readonly<Record<string, string>>
  readonly volumes: readonly HostPath[]
}

export interface StaticPod {
  readonly metadata: { readonly name: string; readonly [field: string]: unknown }
  readonly [field: string]: unknown
}

/** What a component writes to; everything else is mounted read-only. */
const writable = new Set(['etcd-certs', 'etcd-data'])

export function staticPod(options: StaticPodOptions): StaticPod {
  const { name, image, annotations, flags, extra = {}, port, requests, volumes } = options
  const { volumes: extraVolumes = [], env = [] } = extra
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(annotations ? { annotations } : {}),
      labels: { component: name, tier: 'control-plane' },
      name,
      namespace: 'kube-system',
    },
    spec: {
      containers: [
        {
          command: [name, ...commandLine(flags, extra.args)],
          ...(env.length > 0 ? { env } : {}),
          image,
          imagePullPolicy: 'IfNotPresent',
          name,
          ports: [{ containerPort: port, name: 'probe-port', protocol: 'TCP' }],
          ...options.probes,
          resources: { requests },
          volumeMounts: [
            ...volumes.map(([volume, path]) => mount(volume, path, !writable.has(volume))),
            ...extraVolumes.map((volume) => mount(volume.name, volume.mountPath, volume.readOnly === true)),
          ],
        },
      ],
      hostNetwork: true,
      priority: 2_000_001_000,
      priorityClassName: 'system-node-critical',
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      volumes: [
        ...volumes.map(([volume, path, type]) => ({ hostPath: { path, type }, name: volume })),
        ...extraVolumes.map(({ name: volume, hostPath, pathType }) => ({
          hostPath: { path: hostPath, ...(pathType ? { type: pathType } : {}) },
          name: volume,
        })),
      ],
    },
    status: {},
  }
}

/** In order of the flags' names. An extra flag takes the place of the component's own, and may come several times. */
function commandLine(flags: Readonly<Record<string, string>>, extra: ComponentExtras['args'] = []): string[] {
  const replaced = new Set(extra.map(({ name }) => name))
  const own = Object.entries(flags).filter(([name]) => !replaced.has(name))
  return [...own, ...extra.map(({ name, value }) => [name, value] as const)]
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `--${name}=${value}`)
}

function mount(name: string, mountPath: string, readOnly: boolean): Record<string, unknown> {
  return { mountPath, name, ...(readOnly ? { readOnly } : {}) }
}

type HttpGet = Readonly<Record<string, string>>

/** Kubeadm's periods: slow liveness, readiness every second, four minutes to start. */
export function probes({ live, ready, startup }: { live: HttpGet; ready?: HttpGet; startup: HttpGet }): Record<string, unknown> {
  const slow = { initialDelaySeconds: 10, periodSeconds: 10, timeoutSeconds: 15 }
  return {
    livenessProbe: { failureThreshold: 8, httpGet: live, ...slow },
    ...(ready ? { readinessProbe: { failureThreshold: 3, httpGet: ready, periodSeconds: 1, timeoutSeconds: 15 } } : {}),
    startupProbe: { failureThreshold: 24, httpGet: startup, ...slow },
  }
}

export function manifestText(pod: StaticPod): string {
  // No aliases: two probes may be the same value, and people edit these files.
  return stringify(pod, { lineWidth: 0, indentSeq: false, aliasDuplicateObjects: false })
}
