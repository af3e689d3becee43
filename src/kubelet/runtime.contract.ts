/** What every runtime keeps (runtime.ts). Run by the tests of each with pods that it understands. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Container, Pod } from '../api/types/core-v1.js'
import type { LogOptions, Runtime, RuntimeContainer } from './runtime.js'

export interface RuntimeUnderTest {
  readonly runtime: Runtime
  /** Lets time pass: a virtual clock, or one that waits for what real containers do in it. */
  readonly clock: { now(): number; advance(ms: number): Promise<void> }
  /** Containers named "main": one that runs until it is stopped, one that exits with 3 after a moment, one that cannot be had. */
  readonly pods: { readonly steady: Pod; readonly failing: Pod; readonly imageless: Pod }
  close(): Promise<void>
}

const sandbox = { hostIps: ['172.18.0.2'], podCidr: '10.244.1.0/24', nodeName: 'n' }

export function runtimeContract(name: string, make: () => Promise<RuntimeUnderTest>): void {
  describe(`${name} keeps the runtime contract`, () => {
    let under: RuntimeUnderTest
    let runtime: Runtime
    let told: string[]

    beforeEach(async () => {
      under = await make()
      runtime = under.runtime
      told = []
      runtime.events((uid) => void told.push(uid))
    })
    afterEach(() => under.close())

    const uidOf = (pod: Pod) => pod.metadata.uid ?? ''
    const main = (pod: Pod) => pod.spec?.containers[0] as Container
    const attempts = (pod: Pod): readonly RuntimeContainer[] => runtime.pod(uidOf(pod))?.containers ?? []
    const pass = async (ms: number) => {
      await under.clock.advance(ms)
      for (let turn = 0; turn < 10; turn++) await under.clock.advance(0)
    }
    const start = async (pod: Pod, attempt = 0) => {
      await runtime.runPod(pod, sandbox)
      await runtime.startContainer(pod, main(pod), attempt)
      await pass(500)
    }
    const logOf = async (pod: Pod, options: LogOptions = {}) => {
      let text = ''
      for await (const chunk of runtime.logs(uidOf(pod), 'main', options)) text += Buffer.from(chunk).toString()
      return text
    }

    test('a sandbox shows at once, with an address; making it again changes nothing', async () => {
      const pod = under.pods.steady
      await runtime.runPod(pod, sandbox)
      const { ips } = runtime.pod(uidOf(pod)) ?? { ips: [] }
      expect(ips).toHaveLength(1)
      await runtime.runPod(pod, sandbox)
      expect(runtime.pod(uidOf(pod))?.ips).toEqual(ips)
      expect([...runtime.pods()]).toHaveLength(1)
    })

    test('a container comes to run and its pod is told of; the same attempt is not started twice', async () => {
      const pod = under.pods.steady
      await start(pod)
      expect(attempts(pod)).toMatchObject([{ name: 'main', state: 'running', attempt: 0 }])
      expect(told).toContain(uidOf(pod))
      await runtime.startContainer(pod, main(pod), 0)
      expect(attempts(pod)).toHaveLength(1)
      expect(attempts(pod)[0]?.startedAtMs).toBeLessThanOrEqual(under.clock.now())
    })

    test('an exit shows with its code, reason and time, and is told', async () => {
      const pod = under.pods.failing
      await start(pod)
      told = []
      await pass(5_000)
      expect(attempts(pod)).toMatchObject([{ state: 'exited', exitCode: 3, reason: 'Error' }])
      expect(attempts(pod)[0]?.finishedAtMs).toBeLessThanOrEqual(under.clock.now())
      expect(told).toContain(uidOf(pod))
    })

    test('stopping returns at once and shows in the state; asking again, or for what is not there, does nothing', async () => {
      const pod = under.pods.steady
      await start(pod)
      runtime.stopContainer(uidOf(pod), 'main', 30_000)
      runtime.stopContainer(uidOf(pod), 'main', 30_000)
      await pass(31_000)
      expect(attempts(pod)[0]?.state).toBe('exited')
      runtime.stopContainer(uidOf(pod), 'main', 0)
      runtime.stopContainer('unknown', 'main', 0)
      expect(attempts(pod)).toHaveLength(1)
    })

    test('the next attempt keeps the one before it, with its log, and no older one', async () => {
      const pod = under.pods.failing
      for (const attempt of [0, 1, 2]) {
        await start(pod, attempt)
        await pass(5_000)
      }
      expect(attempts(pod).map(({ attempt }) => attempt)).toEqual([1, 2])
      expect(new Set(attempts(pod).map(({ id }) => id)).size).toBe(2)
      expect(await logOf(pod, { previous: true })).not.toBe('')
    })

    test('logs: the last lines, with times, no more than so many bytes; one that is followed ends with its container', async () => {
      const pod = under.pods.steady
      await start(pod)
      const all = await logOf(pod)
      expect(all.endsWith('\n')).toBe(true)
      const lines = all.split('\n').slice(0, -1)
      expect(await logOf(pod, { tailLines: 1 })).toBe(`${lines.at(-1)}\n`)
      expect(await logOf(pod, { tailLines: 0 })).toBe('')
      expect(await logOf(pod, { limitBytes: 4 })).toBe(all.slice(0, 4))
      expect(await logOf(pod, { tailLines: 1, timestamps: true })).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /)
      const followed = logOf(pod, { follow: true })
      runtime.stopContainer(uidOf(pod), 'main', 0)
      await pass(5_000)
      expect((await followed).startsWith(all)).toBe(true)
    })

    test('logs of what was never started are refused', async () => {
      const pod = under.pods.steady
      await runtime.runPod(pod, sandbox)
      await expect(logOf(pod)).rejects.toMatchObject({ name: 'RuntimeError' })
      await start(pod)
      await expect(logOf(pod, { previous: true })).rejects.toMatchObject({ name: 'RuntimeError' })
    })

    test('an image that cannot be had is ErrImagePull, and nothing is started', async () => {
      const pod = under.pods.imageless
      await runtime.runPod(pod, sandbox)
      await expect(runtime.startContainer(pod, main(pod), 0)).rejects.toMatchObject({ reason: 'ErrImagePull' })
      expect(attempts(pod)).toEqual([])
    })

    test('a removed pod is gone with what it ran; removing it again does nothing', async () => {
      const pod = under.pods.steady
      await start(pod)
      await runtime.endPod(uidOf(pod))
      await runtime.removePod(uidOf(pod))
      expect(runtime.pod(uidOf(pod))).toBeUndefined()
      await runtime.removePod(uidOf(pod))
      expect([...runtime.pods()]).toEqual([])
    })
  })
}
