/** Programs of client-go, compiled here against its released modules, against a cluster of `quorate up`. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestCluster, upCluster } from '../cluster.js'
import { isOnPath, run } from '../programs.js'

const programs = fileURLToPath(new URL('client-go', import.meta.url))
/** Compiling client-go on a cold cache takes minutes on two cores. */
const timeoutMs = 10 * 60_000

describe.skipIf(!isOnPath('go'))('client-go (skipped where go is not on the PATH)', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await upCluster('client-go')
  })
  afterAll(async () => cluster?.remove())

  it(
    'informers, leader election and custom resources work, in JSON and in protobuf',
    async () => {
      const env = { KUBECONFIG: cluster.kubeconfig }
      const { code, stdout, stderr } = await run('go', ['test', '-count=1', './...'], { cwd: programs, env, timeoutMs })
      expect(code, stdout + stderr).toBe(0)
    },
    timeoutMs,
  )
})
