import type { Container, EphemeralContainer, Pod } from '../../../api/types/core-v1.js'

/** How things of a pod are named in a container runtime: upstream's labels and annotations, which crictl and log collectors read. Pure. */
export const label = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const

export const annotation = {
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  podGracePeriod: 'io.kubernetes.pod.terminationGracePeriod',
  preStop: 'io.kubernetes.container.preStopHandler',
  ports: 'io.kubernetes.container.ports',
} as const

export type AnyContainer = Container | EphemeralContainer

export function podLabels({ metadata }: Pod): Record<string, string> {
  const { name = '', namespace = '', uid = '' } = metadata
  return { [label.podName]: name, [label.podNamespace]: namespace, [label.podUid]: uid }
}

export function containerLabels(pod: Pod, container: AnyContainer): Record<string, string> {
  return { ...podLabels(pod), [label.containerName]: container.name }
}

export function containerAnnotations(pod: Pod, container: AnyContainer, attempt: number): Record<string, string> {
  const grace = pod.spec?.terminationGracePeriodSeconds
  return {
    [annotation.restartCount]: String(attempt),
    [annotation.terminationMessagePath]: container.terminationMessagePath ?? defaultMessagePath,
    [annotation.terminationMessagePolicy]: container.terminationMessagePolicy ?? 'File',
    ...(grace === undefined ? {} : { [annotation.podGracePeriod]: String(grace) }),
    ...(container.lifecycle?.preStop ? { [annotation.preStop]: JSON.stringify(container.lifecycle.preStop) } : {}),
    ...(container.ports?.length ? { [annotation.ports]: JSON.stringify(container.ports) } : {}),
  }
}

export const defaultMessagePath = '/dev/termination-log'

/** Below the directory of all pods' logs. */
export function podLogDirectory(namespace: string, name: string, uid: string): string {
  return `${namespace}_${name}_${uid}`
}

/** The name in /var/log/containers by which collectors find a log; a file name cannot be longer. */
export function logLinkName(pod: string, namespace: string, container: string, id: string): string {
  const tail = `-${id}.log`
  return `${`${pod}_${namespace}_${container}`.slice(0, 251 - tail.length)}${tail}`
}
