/** What benchmarks share: processes of the built package, their memory and time, and how a figure is printed. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { realClock } from '../src/base/real-clock.js'

export const clock = realClock()
export const command = 'bin/quorate.js'

/** One line a figure: what, how much, unit, and what the real components did on the same kind of machine. */
export function figure(name: string, value: number, unit: string, real?: number): void {
  const rounded = value >= 100 ? Math.round(value) : Math.round(value * 100) / 100
  const ratio = real === undefined ? '' : `   [real: ${real} ${unit}, ratio ${(value / real).toFixed(2)}]`
  console.log(`${name.padEnd(44)} ${String(rounded).padStart(9)} ${unit}${ratio}`)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

export function start(args: readonly string[], nodeFlags: readonly string[] = []): ChildProcess {
  return spawn(process.execPath, [...nodeFlags, command, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
}

export async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once('exit', resolve))
}

/** Resident memory of a process in MiB (Linux and macOS). */
export function rssMiB(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024
}

/** Processor seconds that a process has used so far (Linux). */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

export async function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

/** Asks until `done` says yes; throws after `withinMs`. Returns how long it took. */
export async function until(what: string, withinMs: number, done: () => Promise<boolean>): Promise<number> {
  const startedAtMs = clock.monotonic()
  while (clock.monotonic() - startedAtMs < withinMs) {
    if (await done().catch(() => false)) return clock.monotonic() - startedAtMs
    await clock.sleep(10)
  }
  throw new Error(`${what}: not within ${withinMs} ms`)
}
