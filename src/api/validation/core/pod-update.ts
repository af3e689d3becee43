/** What may change in a pod that exists: almost nothing (core/v1). */
import type { Affinity, Container, NodeSelectorTerm, PodSpec, Toleration } from '../../types/core-v1.js'
import { sameJson } from '../../same-json.js'
import type { Faults } from '../faults.js'
import { tolerationsFaults } from './scheduling-rules.js'

const int32Max = 2 ** 31 - 1

export function podUpdateFaults(faults: Faults, spec: PodSpec, old: PodSpec): void {
  for (const kind of ['containers', 'initContainers'] as const)
    if (!containersUpdate(faults, `spec.${kind}`, spec[kind] ?? [], old[kind] ?? [])) return
  if (!deadlineUpdate(faults, spec.activeDeadlineSeconds, old.activeDeadlineSeconds)) return
  tolerationsUpdate(faults, 'spec.tolerations', spec.tolerations ?? [], old.tolerations ?? [])
  const gates = new Set((old.schedulingGates ?? []).map(({ name }) => name))
  for (const [i, { name }] of (spec.schedulingGates ?? []).entries())
    if (!gates.has(name))
      faults.forbidden(`spec.schedulingGates[${i}].name`, `only deletion is allowed, but found new scheduling gate '${name}'`)
  const masked = maskMutable(faults, spec, old)
  if (!sameJson(masked, old))
    faults.forbidden(
      'spec',
      'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
    )
}

/** False: with containers more or fewer nothing else can be compared. */
function containersUpdate(faults: Faults, path: string, now: readonly Container[], before: readonly Container[]): boolean {
  if (now.length !== before.length) {
    faults.forbidden(path, 'pod updates may not add or remove containers')
    return false
  }
  return true
}

/** A deadline may be set or brought nearer, never put off or taken away. */
function deadlineUpdate(faults: Faults, now: number | undefined, before: number | undefined): boolean {
  const path = 'spec.activeDeadlineSeconds'
  if (now === undefined) {
    if (before !== undefined) faults.invalid(path, null, 'must not update from a positive integer to nil value')
    return true
  }
  if (now < 0 || now > int32Max) faults.invalid(path, now, `must be between 0 and ${int32Max}, inclusive`)
  else if (before !== undefined && now > before) faults.invalid(path, now, 'must be less than or equal to previous value')
  else return true
  return false
}

/** Tolerations may be added; of an old one only tolerationSeconds may change. */
function tolerationsUpdate(faults: Faults, path: string, now: readonly Toleration[], before: readonly Toleration[]): void {
  const without = ({ tolerationSeconds: _, ...rest }: Toleration) => rest
  const kept = before.every((old) => now.some((toleration) => sameJson(without(old), without(toleration))))
  if (!kept) return faults.forbidden(path, 'existing toleration can not be modified except its tolerationSeconds')
  tolerationsFaults(faults, path, now)
}

/** The new spec with every field that may change put back to what it was. */
function maskMutable(faults: Faults, spec: PodSpec, old: PodSpec): PodSpec {
  const images = (containers: readonly Container[] | undefined, before: readonly Container[] | undefined) =>
    containers?.map((container, index) => ({ ...container, image: before?.[index]?.image }) as Container)
  const { activeDeadlineSeconds, tolerations, schedulingGates, terminationGracePeriodSeconds } = old
  const graceMends = (terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1
  return {
    ...spec,
    containers: images(spec.containers, old.containers) ?? [],
    ...(spec.initContainers ? { initContainers: images(spec.initContainers, old.initContainers) ?? [] } : {}),
    ...({ activeDeadlineSeconds, tolerations, schedulingGates } as Partial<PodSpec>),
    ...(graceMends ? ({ terminationGracePeriodSeconds } as Partial<PodSpec>) : {}),
    ...((schedulingGates?.length ?? 0) > 0 ? gatedMask(faults, spec, old) : {}),
  }
}

/** KEP-3838: while it is gated, where a pod may go can be narrowed. */
function gatedMask(faults: Faults, spec: PodSpec, old: PodSpec): Partial<PodSpec> {
  for (const [key, value] of Object.entries(old.nodeSelector ?? {}))
    if (spec.nodeSelector?.[key] !== value) {
      faults.invalid('spec.nodeSelector', spec.nodeSelector, 'only additions to spec.nodeSelector are allowed (no mutations or deletions)')
      break
    }
  const path = 'spec.affinity.nodeAffinity'
  const required = (affinity: Affinity | undefined) =>
    affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  const [now, before] = [required(spec.affinity), required(old.affinity)]
  if (before && before.length > 0 && !sameJson(now, before)) {
    const at = `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`
    if (now?.length !== before.length) faults.invalid(at, now, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed')
    else
      for (const [i, term] of before.entries())
        if (!narrows(now[i] ?? {}, term)) faults.invalid(`${at}[${i}]`, now[i], 'only additions are allowed (no mutations or deletions)')
  }
  const { nodeAffinity: _, ...rest } = spec.affinity ?? {}
  const affinity = old.affinity?.nodeAffinity ? { ...rest, nodeAffinity: old.affinity.nodeAffinity } : rest
  const isEmpty = Object.keys(affinity).length === 0 && !old.affinity
  return { nodeSelector: old.nodeSelector, affinity: isEmpty ? undefined : affinity } as Partial<PodSpec>
}

/** Terms are alternatives: each may only get more expressions. */
function narrows(now: NodeSelectorTerm, before: NodeSelectorTerm): boolean {
  const has = (all: readonly unknown[] | undefined, one: unknown) => all?.some((item) => sameJson(item, one)) ?? false
  // Upstream wants old requirements to stay in place; an added one comes at the end.
  return (
    (before.matchExpressions ?? []).every((one) => has(now.matchExpressions, one)) &&
    (before.matchFields ?? []).every((one) => has(now.matchFields, one))
  )
}
