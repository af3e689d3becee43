import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { transformSync } from 'esbuild'
import { describe, expect, it, vi } from 'vitest'
import { spawnBound } from './bound-child.js'

const moduleFile = new URL('./bound-child.ts', import.meta.url).pathname

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe.skipIf(process.platform === 'win32')('a bound child', () => {
  it('is the program itself, with its output and its exit code', async () => {
    const child = spawnBound('/bin/sh', ['-c', 'echo "$1"; exit 3', 'sh', 'a b'])
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    const [code] = (await once(child, 'close')) as [number]
    expect({ code, text }).toEqual({ code: 3, text: 'a b\n' })
  })

  it('gets the signals that are sent to it', async () => {
    const child = spawnBound('sleep', ['60'])
    await once(child, 'spawn')
    child.kill('SIGTERM')
    const [, signal] = (await once(child, 'close')) as [number | null, string]
    expect(signal).toBe('SIGTERM')
  })

  it('dies with a process that is killed', async () => {
    const { code: source } = transformSync(readFileSync(moduleFile, 'utf8'), { loader: 'ts' })
    const code = `${source}\nconst child = spawnBound('sleep', ['60']); console.log(child.pid); setInterval(() => {}, 1000)`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [chunk] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(chunk.toString())
    expect(isAlive(pid)).toBe(true)
    parent.kill('SIGKILL')
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 10_000, interval: 20 })
  })
})
