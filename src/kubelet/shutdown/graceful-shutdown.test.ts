import { expect, test } from 'vitest'
import type { Pod } from '../../api/types/core-v1.js'
import { shutdownGroups, shutdownSeconds, shutdownVerdict } from './graceful-shutdown.js'

const pod = (name: string, priority?: number): Pod => ({
  metadata: { name },
  spec: { containers: [], ...(priority === undefined ? {} : { priority }) },
})
const shape = (groups: ReturnType<typeof shutdownGroups>) =>
  groups.map(({ pods, graceSeconds }) => [pods.map(({ metadata }) => metadata.name), graceSeconds])

test('critical pods end last, with the time that is kept for them (KEP-2000)', () => {
  const periods = { shutdownGracePeriodMs: 30_000, criticalGracePeriodMs: 10_000, byPriority: [] }
  expect(shape(shutdownGroups([pod('dns', 2_000_000_000), pod('a'), pod('b', 5)], periods))).toEqual([
    [['a', 'b'], 20],
    [['dns'], 10],
  ])
  expect(shutdownSeconds(periods)).toBe(30)
})

test('steps by priority take pods from their priority up; those below the first belong to it (KEP-2712)', () => {
  const byPriority = [
    { priority: 1_000, shutdownGracePeriodSeconds: 20 },
    { priority: 0, shutdownGracePeriodSeconds: 60 },
  ]
  const periods = { shutdownGracePeriodMs: 0, criticalGracePeriodMs: 0, byPriority }
  expect(shape(shutdownGroups([pod('low', -10), pod('mid', 999), pod('high', 1_000)], periods))).toEqual([
    [['low', 'mid'], 60],
    [['high'], 20],
  ])
})

test('a pod that needs less time than its group gets no more', () => {
  expect(shutdownVerdict({ metadata: {}, spec: { containers: [], terminationGracePeriodSeconds: 5 } }, 20)).toMatchObject({
    graceSeconds: 5,
  })
})
