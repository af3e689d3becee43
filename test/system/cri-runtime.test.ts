/** The cri runtime on a real containerd keeps what every runtime of the kubelet keeps, and what real containers add. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/logger.js'
import { realClock } from '../../src/base/real-clock.js'
import type { Pod } from '../../src/api/types/core-v1.js'
import { runtimeContract, type RuntimeUnderTest } from '../../src/kubelet/runtime.contract.js'
import { CriClient } from '../../src/kubelet/runtimes/cri/api/client.js'
import { CriRuntime } from '../../src/kubelet/runtimes/cri/cri-runtime.js'
import type { PodResources } from '../../src/kubelet/volumes/pod-resources.js'
import { containerdSocket, type Host } from '../hosts/host.js'
import { type Fabric, missingForHosts, openFabric } from '../hosts/hosts.js'
import { busyboxImage } from '../hosts/images.js'

const why = missingForHosts()
const clock = realClock()
const image = 'docker.io/library/busybox:1.36'

/** A pod's environment is what its manifest says literally; it has no volumes. */
const plainResources: PodResources = {
  setUp: async () => undefined,
  mounted: () => true,
  observed: () => undefined,
  mounts: async () => [],
  devices: async () => [],
  environment: async (_pod, container) => (container.env ?? []).map(({ name, value = '' }) => ({ name, value })),
  tearDown: async () => undefined,
  remove: async () => undefined,
  sweep: async () => undefined,
  stop: async () => undefined,
}

describe.skipIf(why !== undefined)(`cri runtime on containerd (skipped: ${why ?? 'no'})`, () => {
  let fabric: Fabric
  let host: Host
  let dir: string
  let serial = 0
  beforeAll(async () => {
    dir = mkdtempSync('/var/tmp/quorate-cri-')
    fabric = await openFabric({ binds: [dir] })
    host = await fabric.addHost('node', { bridgeCni: '10.244.1.0/24' })
    await host.importImages(busyboxImage(image))
  }, 60_000)
  afterAll(async () => {
    await fabric?.close()
    rmSync(dir, { recursive: true, force: true })
  })

  function podOf(name: string, script: string, more: Partial<NonNullable<Pod['spec']>['containers'][number]> = {}): Pod {
    const main = {
      ...{ name: 'main', image, command: ['sh', '-c', script], terminationMessagePath: '/dev/termination-log' },
      imagePullPolicy: 'IfNotPresent' as const,
    }
    const metadata = { name, namespace: 'default', uid: `${name}-${serial++}` }
    return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ ...main, ...more }] } }
  }

  /** A runtime of its own, as a kubelet that has just begun has. Its files are where the host sees them, too. */
  async function open() {
    const client = new CriClient({ clock, runtimeSocket: host.path(containerdSocket) })
    const runtime = new CriRuntime({
      ...{ clock, logger: silentLogger, client, name: 'containerd', version: '1', resources: plainResources },
      sandbox: {
        ...{ logsDir: join(dir, 'pods'), cgroupParent: ({ metadata }: Pod) => `/kubepods/pod${metadata.uid}` },
        dns: { servers: [], domain: 'cluster.local', host: { servers: ['10.89.0.1'], searches: [], options: [] } },
      },
      node: { memoryBytes: 2 ** 33, cgroupVersion: 1 },
      security: { seccompDefault: false, seccompDir: '' },
      ...{ rootDir: join(dir, 'kubelet'), logLinksDir: join(dir, 'links'), rotation: { sizeMax: 1e7, filesMax: 5 } },
      hostIps: () => [host.ip],
    })
    await runtime.open()
    return { runtime, client }
  }

  async function make(): Promise<RuntimeUnderTest> {
    const { runtime, client } = await open()
    const steady = podOf('steady', 'trap "exit 0" TERM; echo one; echo two; while :; do sleep 0.1; done')
    const failing = podOf('failing', 'echo failing; sleep 0.5; exit 3')
    const imageless = podOf('imageless', '', { image: 'registry.invalid/none:1' })
    return {
      runtime,
      // Real containers do not wait: whatever is to happen has happened well before the time of the contract is over.
      clock: { now: () => Date.now(), advance: async (ms) => (ms > 0 ? sleep(Math.min(ms, 2_000)) : undefined) },
      pods: { steady, failing, imageless },
      async close() {
        for (const { uid } of [...runtime.pods()]) await runtime.removePod(uid)
        runtime.stop()
        client.close()
      },
    }
  }
  runtimeContract('cri', make)

  it('is taken over by the next process as it is', async () => {
    const first = await open()
    const pod = podOf('kept', 'sleep 1000')
    await first.runtime.runPod(pod, { hostIps: [], podCidr: undefined, nodeName: 'node' })
    await first.runtime.startContainer(pod, pod.spec?.containers[0] as never, 0)
    const before = first.runtime.pod(pod.metadata.uid as string)
    first.runtime.stop()
    const second = await open()
    expect(second.runtime.pod(pod.metadata.uid as string)).toEqual(before)
    await second.runtime.removePod(pod.metadata.uid as string)
    second.runtime.stop()
  })
})
