import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeDirectory } from './files.js'

describe('directories of a cluster', () => {
  let home: string
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'quorate-files-'))
  })
  afterEach(() => rmSync(home, { recursive: true, force: true }))

  it('are made with their parents, for their owner alone, and may be there already', () => {
    const path = join(home, 'a/b/c')
    makeDirectory(path)
    makeDirectory(path)
    expect(statSync(path).mode & 0o777).toBe(0o700)
    expect(statSync(join(home, 'a')).mode & 0o777).toBe(0o700)
  })

  it('are refused below a file', () => {
    writeFileSync(join(home, 'file'), '')
    expect(() => makeDirectory(join(home, 'file/a'))).toThrow(/file\/a/)
    expect(() => makeDirectory(join(home, 'file'))).toThrow(/file/)
  })

  it.skipIf(!existsSync('/proc/self'))('are refused, in finite time, where nothing can be made (skipped where there is no /proc)', () => {
    expect(() => makeDirectory('/proc/quorate/a')).toThrow(/\/proc\/quorate\/a/)
  })
})
