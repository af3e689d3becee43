/** Templates of pods that a controller keeps alive, and the selectors that find them. */
import type { LabelSelector } from '../../types/meta-v1.js'
import type { PodTemplateSpec } from '../../types/core-v1.js'
import { labelSelectorOf } from '../../selectors/label.js'
import { sameJson } from '../../same-json.js'
import { Faults, immutable } from '../faults.js'
import { isEmptySelector, labelSelectorFaults } from '../selectors.js'
import type { PodSpecOptions } from './pod-spec.js'
import { templateFaults } from './pod-template.js'
import { oddName, templateWarnings } from './pod-warnings.js'

/** A selector that must be there and select something, and the template that it must select. */
export function selectedTemplateFaults(
  faults: Faults,
  path: string,
  { selector, template }: { readonly selector?: LabelSelector; readonly template?: PodTemplateSpec },
  options: PodSpecOptions = {},
): void {
  requiredSelectorFaults(faults, `${path}.selector`, selector)
  if (isReadable(selector)) {
    if (!isEmptySelector(selector) || !selector) matchFaults(faults, `${path}.template`, selector, template)
    longRunningTemplateFaults(faults, `${path}.template`, template, options)
  } else faults.invalid(`${path}.selector`, selector, 'invalid label selector')
}

function requiredSelectorFaults(faults: Faults, path: string, selector: LabelSelector | undefined): void {
  if (!selector) return faults.required(path)
  labelSelectorFaults(faults, path, selector)
  if (isEmptySelector(selector)) faults.invalid(path, selector, 'empty selector is invalid')
}

/** A selector with faults selects nothing that could be compared. */
function isReadable(selector: LabelSelector | undefined): boolean {
  const trial = new Faults()
  labelSelectorFaults(trial, '', selector)
  return trial.count === 0
}

export function matchFaults(
  faults: Faults,
  path: string,
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
): void {
  const labels = template?.metadata?.labels
  if (!labelSelectorOf(selector).matches(labels))
    faults.invalid(`${path}.metadata.labels`, labels ?? {}, '`selector` does not match template `labels`')
}

export function longRunningTemplateFaults(
  faults: Faults,
  path: string,
  template: PodTemplateSpec | undefined,
  options: PodSpecOptions = {},
): void {
  templateFaults(faults, path, template, options)
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {}
  if (restartPolicy !== 'Always') faults.notSupported(`${path}.spec.restartPolicy`, restartPolicy ?? '', ['Always'])
  if (activeDeadlineSeconds !== undefined)
    faults.forbidden(`${path}.spec.activeDeadlineSeconds`, 'activeDeadlineSeconds is not supported here')
}

export function immutableField(faults: Faults, path: string, now: unknown, before: unknown): void {
  if (!sameJson(now, before)) faults.invalid(path, now ?? null, immutable)
}

/** No number of a status is negative. */
export function statusNumbers<T extends object>(faults: Faults, status: T, ...names: readonly (keyof T & string)[]): void {
  for (const name of names) faults.nonNegative(`status.${name}`, status[name] as number | undefined)
}

export function notMoreThan<T extends object>(
  faults: Faults,
  status: T,
  most: keyof T & string,
  ...names: readonly (keyof T & string)[]
): void {
  const max = (status[most] as number | undefined) ?? 0
  for (const name of names) {
    const value = (status[name] as number | undefined) ?? 0
    if (value > max) faults.invalid(`status.${name}`, value, `cannot be greater than status.${most}`)
  }
}

export function notDecremented(faults: Faults, path: string, now: number | undefined, before: number | undefined): void {
  if (before !== undefined && (now === undefined || now < before)) faults.invalid(path, now ?? null, 'cannot be decremented')
}

interface Workload {
  readonly metadata: { readonly name?: string }
  readonly spec?: { readonly template?: PodTemplateSpec }
}

/** A new workload is warned of its name, a changed one of its template. */
export function workloadWarnings({ metadata, spec }: Workload, old: Workload | undefined): string[] {
  if (old && sameJson(spec, old.spec)) return []
  return [...(old ? [] : oddName(metadata.name)), ...templateWarnings('spec.template', spec?.template)]
}
