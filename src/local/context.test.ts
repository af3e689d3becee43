import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { realClock } from '../base/real-clock.js'
import { impliedClusterName, type LocalContext, openCluster, withClusterLock } from './context.js'
import { makeDirectory } from '../base/node/files.js'
import { clustersDirectory } from './paths.js'
import { thisPlatform } from './platform.js'

let context: LocalContext
beforeEach(() => {
  const home = mkdtempSync(join(tmpdir(), 'quorate-context-'))
  const platform = thisPlatform()
  context = { home, platform, clock: realClock(), launcher: { node: 'node', entry: 'quorate.js' }, kubeconfigVariable: undefined }
})
afterEach(() => rmSync(context.home, { recursive: true, force: true }))

describe('the lock of a cluster', () => {
  it('lets one command after the other change it', async () => {
    let inside = 0
    const act = () =>
      withClusterLock(context, 'dev', async () => {
        expect(++inside).toBe(1)
        await context.clock.sleep(2)
        inside--
      })
    await Promise.all([act(), act(), act()])
    expect(readdirSync(clustersDirectory(context.home))).toEqual([])
  })

  it('is nobody\u2019s once its holder has died', async () => {
    makeDirectory(clustersDirectory(context.home))
    writeFileSync(join(clustersDirectory(context.home), '.dev.lock'), JSON.stringify({ pid: process.pid, start: 'another' }))
    expect(await withClusterLock(context, 'dev', async () => 'in')).toBe('in')
  })
})

describe('a cluster by its name', () => {
  it('that does not exist, or can be none, is refused', () => {
    expect(() => openCluster(context, 'dev')).toThrow(/there is no cluster dev/)
    for (const name of ['', 'Dev', '../x', 'a'.repeat(41), '-a'])
      expect(() => openCluster(context, name), name).toThrow(/is no name for a cluster/)
  })

  it('is the default one when none is named and not exactly one is there', () => {
    expect(impliedClusterName(context)).toBe('default')
  })
})

describe.skipIf(process.platform !== 'linux')('a directory that can neither be found nor made', () => {
  it('is an error with the way out', () => {
    expect(() => makeDirectory('/proc/quorate/clusters')).toThrow(/\/proc\/quorate\/clusters cannot be written/)
  })
})
