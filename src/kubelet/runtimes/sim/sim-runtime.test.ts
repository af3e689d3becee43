import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../../base/virtual-clock.js'
import type { Pod } from '../../../api/types/core-v1.js'
import { runtimeContract } from '../../runtime.contract.js'
import { PodAddresses } from './addresses.js'
import { fullImageName, imageIdOf } from './names.js'
import { exitOf, scriptOf } from './script.js'
import { SimRuntime } from './sim-runtime.js'

const podOf = (name: string, annotations: Record<string, string> = {}, more: Partial<Pod['metadata']> = {}): Pod => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}`, annotations, ...more },
  spec: { containers: [{ name: 'main', image: 'nginx' }] },
})

runtimeContract('sim', async () => {
  const clock = new VirtualClock()
  const runtime = new SimRuntime({ clock, version: '0' })
  return {
    ...{ runtime, clock },
    pods: {
      steady: podOf('steady'),
      failing: podOf('failing', { 'sim.quorate.dev/exit-code': '3', 'sim.quorate.dev/exit-after': '2s' }),
      imageless: podOf('imageless', { 'sim.quorate.dev/image-pull-error': '' }),
    },
    close: async () => runtime.stop(),
  }
})

const defaults = { startDelayMs: 100, jobDurationMs: 1_000 }
const script = (pod: Pod, init = false) => scriptOf(pod, pod.spec?.containers[0] as never, init, defaults)

describe('scripts', () => {
  test('a key for one container wins over the key for all', () => {
    const pod = podOf('p', { 'sim.quorate.dev/start-delay': '5s', 'sim.quorate.dev/main.start-delay': '1s' })
    expect(script(pod).startDelayMs).toBe(1_000)
  })

  test('what cannot be read counts as absent', () => {
    const pod = podOf('p', { 'sim.quorate.dev/start-delay': 'soon', 'sim.quorate.dev/exit-code': '-1' })
    expect(script(pod)).toMatchObject({ startDelayMs: 100, exitAfterMs: undefined })
  })

  test('init containers run to their end; what all main containers do is not theirs', () => {
    const pod = podOf('p', { 'sim.quorate.dev/exit-code': '3' })
    expect(script(pod, true)).toMatchObject({ exitAfterMs: 0, exitCode: 0 })
  })

  test('pods of Jobs exit with 0 after a moment; others run for ever', () => {
    const job = podOf('p', {}, { ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'j', uid: 'u', controller: true }] })
    expect(exitOf(script(job), 0, true)).toEqual({ afterMs: 1_000, code: 0 })
    expect(exitOf(script(podOf('p')), 0, false)).toBeUndefined()
  })

  test('a number of failures, then it works', () => {
    const pod = podOf('p', { 'sim.quorate.dev/failures': '2' })
    expect(exitOf(script(pod), 1, false)).toMatchObject({ code: 1 })
    expect(exitOf(script(pod), 2, false)).toBeUndefined()
  })

  test('oom ends with 137', () => {
    expect(script(podOf('p', { 'sim.quorate.dev/oom': 'true' }))).toMatchObject({ exitCode: 137, oom: true, exitAfterMs: 1_000 })
  })
})

test('addresses of a pod network: each once, freed ones again, none beyond its size', () => {
  const addresses = new PodAddresses()
  const all = Array.from({ length: 6 }, () => addresses.allocate('10.1.2.0/29'))
  expect(all).toEqual(['10.1.2.2', '10.1.2.3', '10.1.2.4', '10.1.2.5', '10.1.2.6', undefined])
  addresses.release('10.1.2.0/29', '10.1.2.4')
  expect(addresses.allocate('10.1.2.0/29')).toBe('10.1.2.4')
})

test('image names in full, as containerd shows them', () => {
  expect(fullImageName('nginx')).toBe('docker.io/library/nginx:latest')
  expect(fullImageName('grafana/grafana:11')).toBe('docker.io/grafana/grafana:11')
  expect(fullImageName('registry.k8s.io/pause:3.10')).toBe('registry.k8s.io/pause:3.10')
  expect(fullImageName('localhost:5000/a')).toBe('localhost:5000/a:latest')
  expect(imageIdOf('docker.io/library/nginx:latest')).toMatch(/^docker\.io\/library\/nginx@sha256:[0-9a-f]{64}$/)
})
