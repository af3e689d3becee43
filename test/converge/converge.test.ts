/**
 * Replays recorded scenarios of what the controllers of a real cluster do. A case is green when every named field of every
 * settled state is as it was there; $QUORATE_REFERENCE says where the recordings are.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/logger.js'
import { isOnPath, run } from '../programs.js'
import { type ConvergeCluster, startConvergeCluster } from './cluster.js'

const reference = process.env.QUORATE_REFERENCE
const cases = reference === undefined ? undefined : join(reference, 'exam/converge')
const canReplay = cases !== undefined && existsSync(cases) && isOnPath('python3')
const timeoutMs = 600_000

describe.skipIf(!canReplay)('recorded behaviour of controllers (skipped without $QUORATE_REFERENCE or python3)', () => {
  let cluster: ConvergeCluster
  beforeAll(async () => {
    cluster = await startConvergeCluster(silentLogger)
  })
  afterAll(() => cluster.stop())

  // Together: most of a case's time is waiting.
  it(
    'is repeated in every case',
    async () => {
      const script = join(reference as string, 'exam/converge.py')
      const { stdout, stderr } = await run('python3', [script, 'replay', cluster.url, cluster.token, cases as string, '-v', '-j', '12'], {
        timeoutMs,
      })
      expect(stdout, stderr).toMatch(/^\d{2,} passed, 0 failed$/m)
    },
    timeoutMs,
  )
})
