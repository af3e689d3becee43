import { appendFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { VirtualClock } from '../base/virtual-clock.js'
import type { ClusterState } from './cluster-state.js'
import type { LocalCluster } from './context.js'
import { plannedControlPlane } from './create.js'
import { showLogs } from './logs.js'
import { clusterPaths } from './paths.js'

let home: string
let cluster: LocalCluster
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'quorate-logs-'))
  const paths = clusterPaths(home, 'dev')
  const state = { name: 'dev', store: 'embedded', controlPlanes: [plannedControlPlane(20_000, 0)], workers: [], etcdMembers: [] }
  cluster = { state: state as unknown as ClusterState, paths, processes: undefined as never }
  mkdirSync(paths.run, { recursive: true })
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

function podLog(uid: string, attempt: number): string {
  const dir = join(cluster.paths.node('cp-1'), 'var/log/pods', `kube-system_kube-scheduler-cp-1_${uid}`, 'kube-scheduler')
  mkdirSync(dir, { recursive: true })
  return join(dir, `${attempt}.log`)
}

const line = (text: string) => `2026-11-25T00:00:00.000000000Z stderr F ${text}\n`

async function read(options: { target: string; tail?: number }): Promise<string> {
  let text = ''
  await showLogs(cluster, new VirtualClock(), {
    ...{ follow: false, tail: undefined, signal: new AbortController().signal, write: (more: string) => void (text += more) },
    ...options,
  })
  return text
}

it('shows a component its newest log, without what the runtime wrote before each line', async () => {
  writeFileSync(podLog('a', 0), line('old'))
  utimesSync(podLog('a', 0), 1, 1)
  writeFileSync(podLog('b', 1), line('E1 "naïve"') + line('two'))
  expect(await read({ target: 'kube-scheduler/cp-1' })).toBe('E1 "naïve"\ntwo\n')
  expect(await read({ target: 'kube-scheduler/cp-1', tail: 1 })).toBe('two\n')
})

it('shows a machine or a process its own log', async () => {
  writeFileSync(cluster.paths.log('cp-1'), 'from the kubelet\n')
  writeFileSync(cluster.paths.log('store'), 'from the store\n')
  expect(await read({ target: 'kubelet/cp-1' })).toBe('from the kubelet\n')
  expect(await read({ target: 'store' })).toBe('from the store\n')
})

it('says so when there is no log yet', async () => {
  await expect(read({ target: 'kube-scheduler/cp-1' })).rejects.toThrow(/has not written a log yet/)
})

it('followed, goes on with new lines and with the next container', async () => {
  const clock = new VirtualClock()
  const ending = new AbortController()
  let text = ''
  writeFileSync(podLog('a', 0), line('one'))
  utimesSync(podLog('a', 0), 1, 1)
  const options = { target: 'kube-scheduler/cp-1', follow: true, tail: undefined, signal: ending.signal }
  const following = showLogs(cluster, clock, { ...options, write: (more) => void (text += more) })
  await clock.advance(1_000)
  appendFileSync(podLog('a', 0), line('two'))
  utimesSync(podLog('a', 0), 2, 2)
  await clock.advance(1_000)
  writeFileSync(podLog('a', 1), line('three'))
  await clock.advance(1_000)
  ending.abort()
  await following
  expect(text).toBe('one\ntwo\nthree\n')
})
