import { expect, test } from 'vitest'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import type { Container, Pod } from '../../api/types/core-v1.js'
import type { RuntimeContainer, RuntimePod } from '../runtime.js'
import { Prober } from './prober.js'

const probe = { httpGet: { port: 80 }, periodSeconds: 1, failureThreshold: 3, successThreshold: 1 }
const container: Container = {
  name: 'main',
  image: 'a',
  readinessProbe: probe,
  livenessProbe: { ...probe, initialDelaySeconds: 5, failureThreshold: 2 },
}
const pod: Pod = { metadata: { uid: 'u' }, spec: { containers: [container] } }
const running = (id: string): RuntimeContainer => ({
  ...{ name: 'main', id, image: 'a', imageId: 'a', attempt: 0, ready: true, started: true },
  state: 'running',
  startedAtMs: Date.UTC(2026, 0, 1),
})
const runtimePod = (state: RuntimeContainer): RuntimePod => ({
  uid: 'u',
  namespace: 'n',
  name: 'p',
  ips: ['10.0.0.1'],
  containers: [state],
})

function setUp() {
  const clock = new VirtualClock()
  const world = { down: false, changes: 0, failures: [] as string[] }
  const prober = new Prober({
    ...{ clock, random: seededRandom(1) },
    probe: () => (world.down ? Promise.reject(new Error('refused')) : Promise.resolve()),
    onChange: () => void world.changes++,
    onFailure: (_, __, message) => void world.failures.push(message),
  })
  return { clock, world, prober }
}

test('a container is not ready after failureThreshold failures, and ready again after successThreshold successes', async () => {
  const { clock, world, prober } = setUp()
  const state = running('1')
  prober.observe(pod, runtimePod(state))
  await clock.advance(3_000)
  expect(prober.ready(state)).toBe(true)
  world.down = true
  await clock.advance(1_000)
  expect(prober.ready(state)).toBe(true)
  await clock.advance(2_000)
  expect(prober.ready(state)).toBe(false)
  expect(world.failures[0]).toBe('Readiness probe failed: refused')
  world.down = false
  await clock.advance(1_500)
  expect(prober.ready(state)).toBe(true)
  expect(world.changes).toBe(2)
})

test('liveness is asked after its initial delay; the next attempt begins anew', async () => {
  const { clock, world, prober } = setUp()
  const state = running('1')
  world.down = true
  prober.observe(pod, runtimePod(state))
  await clock.advance(4_900)
  expect(prober.alive(state)).toBe(true)
  await clock.advance(3_000)
  expect(prober.alive(state)).toBe(false)
  const next = running('2')
  prober.observe(pod, runtimePod(next))
  expect(prober.alive(next)).toBe(true)
})

test('a container that does not run is asked nothing', async () => {
  const { clock, world, prober } = setUp()
  prober.observe(pod, runtimePod(running('1')))
  prober.observe(pod, runtimePod({ ...running('1'), state: 'exited' }))
  world.down = true
  await clock.advance(20_000)
  expect(world.failures).toEqual([])
})
