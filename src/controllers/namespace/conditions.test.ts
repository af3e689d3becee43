import { describe, expect, it } from 'vitest'
import { deletionConditions } from './conditions.js'
import { type ContentReport, remainingGraceSeconds } from './content.js'

const report = (more: Partial<ContentReport> = {}): ContentReport => ({
  discoveryFailures: new Map(),
  deletionFailures: [],
  remaining: new Map(),
  finalizers: new Map(),
  estimateSeconds: 0,
  ...more,
})
const first = Date.UTC(2026, 0, 1)
const later = first + 60_000
const of = (conditions: ReturnType<typeof deletionConditions>, type: string) => conditions.find((each) => each.type === type)

describe('conditions of a namespace that is going', () => {
  it('are all there, with the reasons of a deletion that goes well', () => {
    expect(deletionConditions(undefined, report(), first).map(({ type, status, reason }) => [type, status, reason])).toEqual([
      ['NamespaceDeletionDiscoveryFailure', 'False', 'ResourcesDiscovered'],
      ['NamespaceDeletionGroupVersionParsingFailure', 'False', 'ParsedGroupVersions'],
      ['NamespaceDeletionContentFailure', 'False', 'ContentDeleted'],
      ['NamespaceContentRemaining', 'False', 'ContentRemoved'],
      ['NamespaceFinalizersRemaining', 'False', 'ContentHasNoFinalizers'],
    ])
  })

  it('name what is left, what holds it and what failed', () => {
    const conditions = deletionConditions(
      undefined,
      report({
        discoveryFailures: new Map([['metrics.k8s.io/v1beta1', 'no server']]),
        deletionFailures: ['forbidden'],
        remaining: new Map([
          ['pods.', 2],
          ['deployments.apps', 1],
        ]),
        finalizers: new Map([['example.com/hold', 3]]),
      }),
      first,
    )
    expect(of(conditions, 'NamespaceDeletionDiscoveryFailure')).toMatchObject({ status: 'True', reason: 'DiscoveryFailed' })
    expect(of(conditions, 'NamespaceDeletionContentFailure')).toMatchObject({ status: 'True', reason: 'ContentDeletionFailed' })
    expect(of(conditions, 'NamespaceContentRemaining')).toMatchObject({
      reason: 'SomeResourcesRemain',
      message: 'Some resources are remaining: deployments.apps has 1 resource instances, pods. has 2 resource instances',
    })
    expect(of(conditions, 'NamespaceFinalizersRemaining')).toMatchObject({
      reason: 'SomeFinalizersRemain',
      message: 'Some content in the namespace has finalizers remaining: example.com/hold in 3 resource instances',
    })
  })

  it('are the same array when nothing changed; only a change of status is a transition', () => {
    const before = deletionConditions(undefined, report({ remaining: new Map([['pods.', 2]]) }), first)
    expect(deletionConditions(before, report({ remaining: new Map([['pods.', 2]]) }), later)).toBe(before)
    const fewer = deletionConditions(before, report({ remaining: new Map([['pods.', 1]]) }), later)
    expect(of(fewer, 'NamespaceContentRemaining')?.lastTransitionTime).toBe('2026-01-01T00:00:00Z')
    const none = deletionConditions(fewer, report(), later)
    expect(of(none, 'NamespaceContentRemaining')).toMatchObject({ status: 'False', lastTransitionTime: '2026-01-01T00:01:00Z' })
  })
})

describe('the grace of pods in a namespace that is going', () => {
  const pod = (seconds: number, phase: 'Running' | 'Succeeded' = 'Running') => ({
    metadata: {},
    spec: { containers: [], terminationGracePeriodSeconds: seconds },
    status: { phase },
  })
  it('is the longest of those that still run, until it is over', () => {
    const pods = [pod(30), pod(60), pod(600, 'Succeeded')]
    expect(remainingGraceSeconds(pods, { nowMs: first + 1000, deletedAtMs: first })).toBe(60)
    expect(remainingGraceSeconds(pods, { nowMs: first + 61_000, deletedAtMs: first })).toBe(0)
  })
})
