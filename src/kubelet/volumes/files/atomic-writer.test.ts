import { lstat, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type FileEntry, writeAtomically } from './atomic-writer.js'
import { setOwnership } from './ownership.js'

const isRoot = process.getuid?.() === 0
const entry = (text: string, mode = 0o644): FileEntry => ({ data: Buffer.from(text), mode })
const payload = (files: Record<string, FileEntry>) => new Map(Object.entries(files))

describe('files that change all at once', () => {
  let directory = ''
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'atomic-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))
  const read = (path: string) => readFile(join(directory, path), 'utf8')

  it('are links through ..data, and keep the modes that were asked for', async () => {
    expect(await writeAtomically(directory, payload({ 'a.conf': entry('1', 0o400), 'sub/b': entry('2', 0o777) }), 0)).toBe(true)
    expect(await readlink(join(directory, 'a.conf'))).toBe('..data/a.conf')
    expect(await readlink(join(directory, 'sub'))).toBe('..data/sub')
    expect(await readlink(join(directory, '..data'))).toMatch(/^\.\.1970_01_01_00_00_00\./)
    expect([await read('a.conf'), await read('sub/b')]).toEqual(['1', '2'])
    expect((await stat(join(directory, 'a.conf'))).mode & 0o777).toBe(0o400)
    expect((await stat(join(directory, 'sub/b'))).mode & 0o777).toBe(0o777)
  })

  it('are left alone when nothing changed', async () => {
    await writeAtomically(directory, payload({ a: entry('1') }), 0)
    const before = await readlink(join(directory, '..data'))
    expect(await writeAtomically(directory, payload({ a: entry('1') }), 5_000)).toBe(false)
    expect(await readlink(join(directory, '..data'))).toBe(before)
  })

  it('change by one rename; what is no longer asked for goes, and so does the old version', async () => {
    await writeAtomically(directory, payload({ a: entry('1'), gone: entry('x'), 'd/one': entry('1') }), 0)
    await writeAtomically(directory, payload({ a: entry('2'), new: entry('y'), 'd/two': entry('2') }), 1_000)
    expect((await readdir(directory)).filter((name) => !name.startsWith('..')).sort()).toEqual(['a', 'd', 'new'])
    expect(await read('a')).toBe('2')
    expect(await readdir(join(directory, 'd'))).toEqual(['two'])
    expect((await readdir(directory)).filter((name) => name.startsWith('..'))).toHaveLength(2)
  })

  it('are all gone when there are none to show', async () => {
    await writeAtomically(directory, payload({ a: entry('1') }), 0)
    expect(await writeAtomically(directory, payload({}), 0)).toBe(true)
    expect((await readdir(directory)).filter((name) => !name.startsWith('..'))).toEqual([])
  })

  it.each(['/etc/passwd', '../up', 'a/../../up', '..data', ''])('do not leave the volume: "%s"', async (path) => {
    await expect(writeAtomically(directory, payload({ [path]: entry('x') }), 0)).rejects.toThrow('invalid path')
  })

  it.skipIf(!isRoot)('belong to the fsGroup, which may read them, and with OnRootMismatch are not looked at twice', async () => {
    await writeAtomically(directory, payload({ a: entry('1', 0o400) }), 0)
    await setOwnership(directory, { fsGroup: 4321, policy: 'Always', readOnly: true })
    const file = await stat(join(directory, 'a'))
    expect([file.gid, file.mode & 0o777]).toEqual([4321, 0o440])
    expect((await lstat(directory)).mode & 0o2000).toBe(0o2000)
    await writeAtomically(directory, payload({ b: entry('2', 0o400) }), 1_000)
    await setOwnership(directory, { fsGroup: 4321, policy: 'OnRootMismatch', readOnly: true })
    expect((await stat(join(directory, 'b'))).mode & 0o777).toBe(0o400)
  })
})
