import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiServer } from '../../src/apiserver/server.js'
import { type Case, recordedCases, wantsToBeAlone } from './case.js'
import { groupsUnderWay, knownDifferences } from './ledger.js'
import { replay } from './replay.js'
import { goldenServer, inProcess, overHttps, type Target } from './target.js'

/** Cases are mostly waiting: for events that do not come, for policies to act. */
const parallelCases = 24
/** Where the wire itself matters every case goes over it, of the rest one in ten. */
const wireAreas = new Set(['rest', 'negotiation', 'watching'])

const cases = recordedCases()
const nameOf = ({ area, name }: Case) => `${area}/${name}`
const isUnderWay = (name: string) => Object.keys(groupsUnderWay).some((group) => name.startsWith(group))

async function replayAll(target: Target, chosen: readonly Case[], run: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  const replayOne = async (one: Case) => {
    const lines = await replay(target, one, run).catch((error: unknown) => [`error ${String(error)}`])
    if (lines.length > 0) found.set(nameOf(one), lines)
  }
  const queue = chosen.filter((one) => !wantsToBeAlone(one)).values()
  await Promise.all(
    Array.from({ length: parallelCases }, async () => {
      for (const one of queue) await replayOne(one)
    }),
  )
  for (const one of chosen) if (wantsToBeAlone(one)) await replayOne(one)
  return found
}

/** What the ledger does not allow for, as text. */
function unforeseen(found: ReadonlyMap<string, string[]>): string[] {
  return [...found]
    .filter(([name]) => !Object.hasOwn(knownDifferences, name) && !isUnderWay(name))
    .map(([name, lines]) => [name, ...lines.slice(0, 6)].join('\n  '))
}

describe('answers recorded from kube-apiserver v1.36.0', () => {
  let server: ApiServer
  beforeAll(async () => {
    server = await goldenServer()
  })
  afterAll(() => server.stop())

  it('are given here too, but for those in the ledger, which all still differ', { timeout: 240_000 }, async () => {
    const found = await replayAll(inProcess(server), cases, 'a')
    expect(unforeseen(found)).toEqual([])
    expect(Object.keys(knownDifferences).filter((name) => !found.has(name))).toEqual([])
    const done = (group: string) => ![...found.keys()].some((name) => name.startsWith(group))
    expect(Object.keys(groupsUnderWay).filter(done)).toEqual([])
  })

  it('come over HTTPS as they do without', { timeout: 240_000 }, async () => {
    const target = await overHttps(server)
    const chosen = cases.filter(({ area }, index) => wireAreas.has(area) || index % 10 === 0)
    expect(unforeseen(await replayAll(target, chosen, 'b'))).toEqual([])
    await target.close()
  })
})
