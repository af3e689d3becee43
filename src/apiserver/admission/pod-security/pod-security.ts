import { invalid, type Fault } from '../../../api/status.js'
import type { Namespace, Pod, PodTemplateSpec } from '../../../api/types/core-v1.js'
import { resources } from '../../../client/resources.js'
import { sameJson } from '../../../api/same-json.js'
import type { AdmissionPlugin, AdmissionRequest, Operation } from '../admission.js'
import { type AdmissionDeps, refused, resourceText } from '../plugin.js'
import { type Level, violations } from './checks.js'
import type { GroupVersionResource } from '../../../api/object.js'

const prefix = 'pod-security.kubernetes.io/'
const levels: readonly Level[] = ['privileged', 'baseline', 'restricted']
const modes = ['enforce', 'audit', 'warn'] as const
const versionPattern = /^(latest|v1\.(0|[1-9]\d*))$/

/** Kinds with a pod template: they are only warned about, since it is their pods that count. */
const templates: Readonly<Record<string, (object: unknown) => PodTemplateSpec | undefined>> = {
  podtemplates: (object) => (object as { template?: PodTemplateSpec }).template,
  replicationcontrollers: templateOfSpec,
  'deployments.apps': templateOfSpec,
  'replicasets.apps': templateOfSpec,
  'statefulsets.apps': templateOfSpec,
  'daemonsets.apps': templateOfSpec,
  'jobs.batch': templateOfSpec,
  'cronjobs.batch': (object) =>
    (object as { spec?: { jobTemplate?: { spec?: { template?: PodTemplateSpec } } } }).spec?.jobTemplate?.spec?.template,
}

/** The Pod Security Standards by namespace label: `enforce` refuses pods, `warn` warns their authors. */
export function podSecurity({ access }: AdmissionDeps): AdmissionPlugin {
  const namespaces = access.lister<Namespace>(resources.namespaces)
  const labelsOf = (request: AdmissionRequest) => namespaces.get(request.namespace)?.metadata.labels ?? {}
  return {
    name: 'PodSecurity',
    handles,
    validate(request) {
      const about = resourceText(request.resource)
      if (about === 'namespaces') return checkLabels(request)
      const labels = labelsOf(request)
      const template = templates[about]
      if (template) {
        const pod = template(request.object)
        return pod ? warn(request, labels, { metadata: pod.metadata ?? {}, ...(pod.spec ? { spec: pod.spec } : {}) }) : undefined
      }
      const pod = request.object as unknown as Pod
      if (request.operation === 'UPDATE' && !isSignificant(pod, request.oldObject as unknown as Pod)) return undefined
      const enforced = levelOf(labels, 'enforce')
      const broken = violations(enforced, pod)
      if (broken.length > 0) throw refused(request, `violates PodSecurity ${describe(labels, 'enforce', enforced)}: ${broken.join(', ')}`)
      return warn(request, labels, pod)
    },
  }
}

function handles(operation: Operation, resource: GroupVersionResource, subresource: string): boolean {
  if (operation !== 'CREATE' && operation !== 'UPDATE') return false
  const about = resourceText(resource)
  if (about === 'pods') return subresource === '' || subresource === 'ephemeralcontainers'
  return subresource === '' && (about === 'namespaces' || Object.hasOwn(templates, about))
}

function templateOfSpec(object: unknown): PodTemplateSpec | undefined {
  return (object as { spec?: { template?: PodTemplateSpec } }).spec?.template
}

/** Pods that run may be labelled and finish whatever the level has become since: images and metadata are no new danger. */
function isSignificant(pod: Pod, old: Pod): boolean {
  const security = ({ spec }: Pod) => ({
    ...spec,
    tolerations: undefined,
    activeDeadlineSeconds: undefined,
    containers: spec?.containers.map((container) => ({ ...container, image: undefined })),
    initContainers: spec?.initContainers?.map((container) => ({ ...container, image: undefined })),
  })
  const profiles = ({ metadata }: Pod) =>
    Object.entries(metadata.annotations ?? {}).filter(([key]) => key.includes('apparmor') || key.includes('seccomp'))
  return !sameJson(security(pod), security(old)) || !sameJson(profiles(pod), profiles(old))
}

function warn(request: AdmissionRequest, labels: Readonly<Record<string, string>>, pod: Pick<Pod, 'metadata' | 'spec'>): void {
  const level = levelOf(labels, 'warn')
  const broken = violations(level, pod)
  if (broken.length > 0) request.warn(`would violate PodSecurity ${describe(labels, 'warn', level)}: ${broken.join(', ')}`)
}

/** A label that cannot be read enforces the strictest level (fail closed) where it enforces, and nothing elsewhere. */
function levelOf(labels: Readonly<Record<string, string>>, mode: (typeof modes)[number]): Level {
  const value = labels[prefix + mode]
  if (value === undefined) return 'privileged'
  return levels.find((level) => level === value) ?? (mode === 'enforce' ? 'restricted' : 'privileged')
}

function describe(labels: Readonly<Record<string, string>>, mode: (typeof modes)[number], level: Level): string {
  return JSON.stringify(`${level}:${labels[`${prefix}${mode}-version`] ?? 'latest'}`)
}

function checkLabels(request: AdmissionRequest): void {
  const { metadata } = request.object as unknown as Namespace
  const old = (request.oldObject as unknown as Namespace | undefined)?.metadata.labels ?? {}
  const faults = modes.flatMap((mode) => labelFaults(metadata.labels ?? {}, mode))
  // A bad label that is already there must not keep a namespace from being updated or deleted.
  const added = faults.filter((fault) => {
    const key = fault.path.slice('metadata.labels['.length, -1)
    return old[key] !== metadata.labels?.[key]
  })
  if (added.length > 0) throw invalid({ group: '', kind: 'Namespace' }, metadata.name ?? '', added)
}

function labelFaults(labels: Readonly<Record<string, string>>, mode: string): Fault[] {
  const fault = (key: string, detail: string): Fault => ({
    path: `metadata.labels[${key}]`,
    reason: 'FieldValueInvalid',
    value: labels[key],
    detail,
  })
  const [key, versionKey] = [prefix + mode, `${prefix}${mode}-version`]
  const [level, version] = [labels[key], labels[versionKey]]
  return [
    ...(level === undefined || levels.some((known) => known === level) ? [] : [fault(key, `must be one of ${levels.join(', ')}`)]),
    ...(version === undefined || versionPattern.test(version) ? [] : [fault(versionKey, 'must be "latest" or "v1.x"')]),
  ]
}
