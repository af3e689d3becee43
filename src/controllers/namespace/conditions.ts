import type { NamespaceCondition } from '../../api/types/core-v1.js'
import { timestamp } from '../../base/clock.js'
import type { ContentReport } from './content.js'

/** The conditions of a namespace that is going, each with what it says while nothing is wrong. */
const fine = {
  NamespaceDeletionDiscoveryFailure: { reason: 'ResourcesDiscovered', message: 'All resources successfully discovered' },
  NamespaceDeletionGroupVersionParsingFailure: { reason: 'ParsedGroupVersions', message: 'All legacy kube types successfully parsed' },
  NamespaceDeletionContentFailure: {
    reason: 'ContentDeleted',
    message: 'All content successfully deleted, may be waiting on finalization',
  },
  NamespaceContentRemaining: { reason: 'ContentRemoved', message: 'All content successfully removed' },
  NamespaceFinalizersRemaining: { reason: 'ContentHasNoFinalizers', message: 'All content-preserving finalizers finished' },
} as const
type ConditionType = keyof typeof fine

/** The namespace's conditions after a pass over its content: the same array when nothing changed. A transition is a change of status. */
export function deletionConditions(
  old: readonly NamespaceCondition[] | undefined,
  report: ContentReport,
  nowMs: number,
): readonly NamespaceCondition[] {
  const wrong = faultsOf(report)
  let conditions = old ?? []
  for (const type of Object.keys(fine) as ConditionType[]) {
    const fault = wrong[type]
    const wanted = { type, status: fault ? 'True' : 'False', ...(fault ?? fine[type]) }
    const before = conditions.find((condition) => condition.type === type)
    if (!before) conditions = [...conditions, { ...wanted, lastTransitionTime: timestamp(nowMs) }]
    else if (before.status !== wanted.status || before.reason !== wanted.reason || before.message !== wanted.message) {
      const moved = before.status === wanted.status ? before.lastTransitionTime : timestamp(nowMs)
      const next = { ...wanted, ...(moved === undefined ? {} : { lastTransitionTime: moved }) }
      conditions = conditions.map((condition) => (condition === before ? next : condition))
    }
  }
  return conditions
}

function faultsOf(report: ContentReport): Partial<Record<ConditionType, { reason: string; message: string }>> {
  const { discoveryFailures, deletionFailures, remaining, finalizers } = report
  const failed = [...discoveryFailures].map(([groupVersion, why]) => `${groupVersion}: ${why}`).sort()
  return {
    ...(failed.length > 0 && {
      NamespaceDeletionDiscoveryFailure: {
        reason: 'DiscoveryFailed',
        message: `Discovery failed for some groups, ${failed.length} failing: ${failed.join(', ')}`,
      },
    }),
    ...(deletionFailures.length > 0 && {
      NamespaceDeletionContentFailure: {
        reason: 'ContentDeletionFailed',
        message: `Failed to delete all resource types, ${deletionFailures.length} remaining: ${[...deletionFailures].sort().join(', ')}`,
      },
    }),
    ...(remaining.size > 0 && {
      NamespaceContentRemaining: {
        reason: 'SomeResourcesRemain',
        message: `Some resources are remaining: ${listed(remaining, (resource, count) => `${resource} has ${count} resource instances`)}`,
      },
    }),
    ...(finalizers.size > 0 && {
      NamespaceFinalizersRemaining: {
        reason: 'SomeFinalizersRemain',
        message: `Some content in the namespace has finalizers remaining: ${listed(finalizers, (name, count) => `${name} in ${count} resource instances`)}`,
      },
    }),
  }
}

function listed(counts: ReadonlyMap<string, number>, line: (name: string, count: number) => string): string {
  return [...counts]
    .map(([name, count]) => line(name, count))
    .sort()
    .join(', ')
}
