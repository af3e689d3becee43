/** A command of several steps: each step is a phase that can be run on its own, or left out (kubeadm: init phase, --skip-phases). */
import { QuorateError } from '../../base/errors.js'

export interface Phase<C> {
  readonly name: string
  /** One line for --help. */
  readonly description: string
  readonly run?: (context: C) => void | Promise<void>
  readonly phases?: readonly Phase<C>[]
  /** False: not part of what is asked for (the local etcd of a cluster with an external one). */
  readonly when?: (context: C) => boolean
}

/** Every phase by its path: "certs", "certs/ca". */
export function phasePaths<C>(phases: readonly Phase<C>[], parent = ''): string[] {
  return phases.flatMap(({ name, phases: inner = [] }) => [parent + name, ...phasePaths(inner, `${parent}${name}/`)])
}

/** Throws QuorateError BadUsage with the phases that there are. */
export function findPhase<C>(phases: readonly Phase<C>[], path: string): Phase<C> {
  let found: Phase<C> | undefined
  let level = phases
  for (const name of path.split('/')) {
    found = level.find((phase) => phase.name === name)
    level = found?.phases ?? []
    if (!found) throw unknownPhase(path, phases)
  }
  return found as Phase<C>
}

/** Runs phases and what is in them, in order, without those in `skip`. */
export async function runPhases<C>(phases: readonly Phase<C>[], context: C, skip: readonly string[] = []): Promise<void> {
  const known = new Set(phasePaths(phases))
  for (const path of skip) if (!known.has(path)) throw unknownPhase(path, phases)
  await runBelow(phases, context, new Set(skip), '')
}

async function runBelow<C>(phases: readonly Phase<C>[], context: C, skip: ReadonlySet<string>, parent: string): Promise<void> {
  for (const phase of phases) {
    const path = parent + phase.name
    if (skip.has(path) || phase.when?.(context) === false) continue
    await phase.run?.(context)
    await runBelow(phase.phases ?? [], context, skip, `${path}/`)
  }
}

function unknownPhase<C>(path: string, phases: readonly Phase<C>[]): QuorateError {
  return new QuorateError('BadUsage', `there is no phase ${path}`, { remedy: `Phases: ${phasePaths(phases).join(', ')}.` })
}
