import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../base/virtual-clock.js'
import { parseRunRecord, watchRunRecord } from './run-record.js'

let dir: string
let clock: VirtualClock
let lost: number
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'quorate-record-'))
  clock = new VirtualClock()
  lost = 0
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const write = (pid: number) => writeFileSync(join(dir, 'r.json'), JSON.stringify({ pid, start: '1' }))
const watch = () => watchRunRecord({ file: join(dir, 'r.json'), pid: 7, clock, onLost: () => lost++ })

describe('the record of a running process', () => {
  it('keeps the process as long as it names it', async () => {
    write(7)
    watch()
    await clock.advance(60_000)
    expect(lost).toBe(0)
  })

  it('ends the process, once, when it is removed', async () => {
    write(7)
    watch()
    await clock.advance(6_000)
    rmSync(dir, { recursive: true })
    await clock.advance(60_000)
    expect(lost).toBe(1)
  })

  it('ends the process when it names another', async () => {
    write(7)
    watch()
    await clock.advance(6_000)
    write(8)
    await clock.advance(5_000)
    expect(lost).toBe(1)
  })

  it('ends a process whose starter died before it wrote the record', async () => {
    watch()
    await clock.advance(8_000)
    expect(lost).toBe(0)
    await clock.advance(8_000)
    expect(lost).toBe(1)
  })

  it('is not watched any more once the watch is ended', async () => {
    watch()()
    await clock.advance(60_000)
    expect(lost).toBe(0)
  })

  it('is none when it is cut or names no process', () => {
    for (const text of ['', '{"pid":', '{"pid":0,"start":"1"}', '{"pid":7}', 'null']) expect(parseRunRecord(text)).toBeUndefined()
  })
})
