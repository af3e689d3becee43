import { afterEach, describe, expect, it } from 'vitest'
import type { Node } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { nextStep, secondsAt, ttlController } from './ttl.js'

describe('how long kubelets may keep objects', () => {
  const walk = (...sizes: number[]) => {
    let step = 0
    return sizes.map((size) => secondsAt((step = nextStep(step, size))))
  }
  it('grows with the cluster', () => {
    expect(walk(1, 100, 101, 501, 1001, 2001, 10_000)).toEqual([0, 0, 15, 30, 60, 300, 300])
  })
  it('shrinks only clearly below where it grew', () => {
    expect(walk(101, 90, 89, 5000, 1800, 1799, 0)).toEqual([15, 15, 0, 300, 300, 60, 0])
  })

  let run: TestControllers | undefined
  afterEach(() => run?.stop())
  it('stands in an annotation of every node', async () => {
    const { client, eventually, get } = (run = await runTestControllers({ controllers: [ttlController()] }))
    await client.resource<Node>(resources.nodes).create({ metadata: { name: 'n' } })
    await eventually(async () =>
      expect((await get<Node>(resources.nodes, '', 'n')).metadata.annotations).toEqual({ 'node.alpha.kubernetes.io/ttl': '0' }),
    )
  })
})
