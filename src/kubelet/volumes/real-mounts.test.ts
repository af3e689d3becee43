import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseMountInfo } from './mounter.js'
import { runWithPrivateMounts, whyNoMounts } from './testdata/private-mounts.js'

describe('mountinfo', () => {
  it('is read with its escapes and its optional fields', () => {
    const text = '36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n'
    expect(parseMountInfo(text)).toEqual([
      { id: 36, parentId: 35, root: '/mnt1', path: '/mnt 2', type: 'ext3', source: '/dev/root', options: ['rw', 'noatime'] },
    ])
  })
})

const why = whyNoMounts()

describe.skipIf(why !== undefined)(`volumes with real mounts${why ? ` (${why})` : ''}`, () => {
  it('keep to their limits, let nobody out by a link, survive a restart and leave nothing', { timeout: 60_000 }, async () => {
    const found = await runWithPrivateMounts<Record<string, unknown>>(fileURLToPath(new URL('testdata/mount-scenario.ts', import.meta.url)))
    expect(found).toMatchObject({
      memoryBytes: 8 * 2 ** 20,
      memoryGroup: 2000,
      memoryMode: '2777',
      labels: 'a="b"',
      subPath: 'through the subPath',
      subPathMode: '2775',
      inside: 'through the subPath',
      swapped: 'through the subPath',
      afterRestart: { kept: 'x' },
      left: { mounts: [], pod: false },
      data: 'through the subPath',
    })
    // Volumes are set up side by side: in no order.
    const mounts = (found.mounts as { path: string }[]).toSorted((a, b) => (a.path < b.path ? -1 : 1))
    expect(mounts).toEqual([
      { path: '/kubelet/pods/u/volume-subpaths/data/c/2', type: expect.any(String) },
      { path: '/kubelet/pods/u/volumes/kubernetes.io~downward-api/own', type: 'tmpfs' },
      { path: '/kubelet/pods/u/volumes/kubernetes.io~empty-dir/memory', type: 'tmpfs' },
    ])
    expect((found.afterRestart as { mounts: number }).mounts).toBe(4)
    const escapes = found.escapes as Record<string, string>
    expect(escapes.link).toMatch(/not within volume path/)
    expect(escapes.below).toMatch(/not within volume path/)
    expect(escapes.made).toMatch(/ENOTDIR|ELOOP/)
    expect(escapes.dots).toMatch(/must not contain '\.\.'/)
  })
})
