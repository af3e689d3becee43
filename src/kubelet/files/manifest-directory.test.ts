import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { silentLogger } from '../../base/logger.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import type { Pod } from '../../api/types/core-v1.js'
import { ManifestDirectory } from './manifest-directory.js'

let directory: string
let manifests: ManifestDirectory
let clock: VirtualClock
let names: (string | undefined)[]
let uids: (string | undefined)[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'manifests-'))
  clock = new VirtualClock()
  manifests = new ManifestDirectory({
    ...{ directory, clock, nodeName: 'cp-1', logger: silentLogger },
    onPods: (pods: readonly Pod[]) => {
      names = pods.map(({ metadata }) => metadata.name)
      uids = pods.map(({ metadata }) => metadata.uid)
    },
  })
})

afterEach(() => {
  manifests.stop()
  rmSync(directory, { recursive: true, force: true })
})

const write = (file: string, text: string) => writeFileSync(join(directory, file), text)
const manifest = (name: string, image = 'quorate/x:v1') =>
  `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}, spec: {containers: [{name: main, image: '${image}'}]}}`

test('a pod a file, named after its node; another text is another uid; files that begin with a dot are not read', async () => {
  write('a.yaml', manifest('a'))
  write('.a.yaml.swp', manifest('hidden'))
  manifests.start()
  expect(names).toEqual(['a-cp-1'])
  const [first] = uids
  write('a.yaml', manifest('a', 'quorate/x:v2'))
  await clock.advance(20_000)
  expect(uids).toHaveLength(1)
  expect(uids[0]).not.toBe(first)
})

test('a broken file has no pod, leaves the others alone and is reported; mended, its pod is back', async () => {
  write('a.yaml', manifest('a'))
  write('b.yaml', manifest('b'))
  manifests.start()
  write('b.yaml', 'apiVersion: v1\nkind: Pod\n  metadata: {')
  await clock.advance(20_000)
  expect(names).toEqual(['a-cp-1'])
  expect([...manifests.faults.keys()]).toEqual(['b.yaml'])
  write('b.yaml', manifest('b'))
  await clock.advance(20_000)
  expect(names).toEqual(['a-cp-1', 'b-cp-1'])
  expect(manifests.faults.size).toBe(0)
})

test('the file system tells of a change before the next scan', async () => {
  manifests.start()
  write('a.yaml', manifest('a'))
  await vi.waitFor(async () => {
    await clock.advance(60)
    expect(names).toEqual(['a-cp-1'])
  })
  expect(clock.monotonic()).toBeLessThan(20_000)
})
