/** A choice of pods: by labels, in one namespace or in those that a selector picks. Equal choices have equal keys. */
import type { Labels, Selector } from '../../api/selectors/label.js'
import { everything } from '../../api/selectors/label.js'
import type { PolicyPod } from './pod.js'

export interface Selection {
  readonly key: string
  /** Of one namespace; undefined: of the namespaces that the selector picks. */
  readonly namespace?: string
  readonly namespaces: Selector
  readonly pods: Selector
  /** Of this node alone: those that are isolated rather than talked with. */
  readonly local: boolean
}

export interface SelectionOptions {
  readonly namespace?: string
  readonly namespaces?: Selector
  readonly pods?: Selector
  readonly local?: boolean
}

export function selection({ namespace, namespaces = everything, pods = everything, local = false }: SelectionOptions): Selection {
  // A selector's text holds neither "|" nor quotes; names of namespaces neither.
  const where = namespace === undefined ? `namespaces(${namespaces.text})` : `namespace ${namespace}`
  const key = `${local ? 'local' : 'all'}|${where}|${pods.text}`
  return { key, namespaces, pods, local, ...(namespace === undefined ? {} : { namespace }) }
}

export const allPods = selection({})

/** `labelsOf`: of a namespace; undefined when it does not exist (yet). */
export function selects(choice: Selection, pod: PolicyPod, labelsOf: (namespace: string) => Labels | undefined): boolean {
  if (choice.local && !pod.local) return false
  if (choice.namespace !== undefined) return choice.namespace === pod.namespace && choice.pods.matches(pod.labels)
  if (!choice.pods.matches(pod.labels)) return false
  if (choice.namespaces.empty) return true
  const labels = labelsOf(pod.namespace)
  return labels !== undefined && choice.namespaces.matches(labels)
}
