/**
 * Replays recorded scenarios of what the controllers of a real cluster do. A case is green when every named field of every
 * settled state is as it was there; $QUORATE_REFERENCE says where the recordings are.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/logger.js'
import { run } from '../programs.js'
import { type ConvergeCluster, startConvergeCluster } from './cluster.js'

const reference = process.env.QUORATE_REFERENCE
const cases = reference === undefined ? undefined : join(reference, 'exam/converge')
const areas = cases !== undefined && existsSync(cases) ? readdirSync(cases).sort() : []
const timeoutMs = 300_000

describe.skipIf(areas.length === 0)('recorded behaviour of controllers (needs $QUORATE_REFERENCE)', () => {
  let cluster: ConvergeCluster
  beforeAll(async () => {
    cluster = await startConvergeCluster(silentLogger)
  })
  afterAll(() => cluster.stop())

  it.each(areas)(
    '%s',
    async (area) => {
      const script = join(reference as string, 'exam/converge.py')
      const args = [script, 'replay', cluster.url, cluster.token, join(cases as string, area), '-j', '4']
      const { stdout, stderr } = await run('python3', args, { timeoutMs })
      expect(stdout.trim().split('\n').at(-1), `${stdout}\n${stderr}`).toMatch(/, 0 failed/)
    },
    timeoutMs,
  )
})
