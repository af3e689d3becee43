import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { silentLogger } from '../../../base/logger.js'
import { seededRandom } from '../../../base/random.js'
import { VirtualClock } from '../../../base/virtual-clock.js'
import type { Pod } from '../../../api/types/core-v1.js'
import { runtimeContract } from '../../runtime.contract.js'
import { hostProcess } from './host-process.js'
import { LogFile } from './log-file.js'
import { readLog } from './log-reader.js'
import { NativeRuntime } from './native-runtime.js'
import type { Program, RunningProgram } from './program.js'

const podOf = (image: string): Pod => ({
  metadata: { name: image, namespace: 'kube-system', uid: `uid-${image}` },
  spec: { containers: [{ name: 'main', image: `quorate/${image}:v1`, command: [image] }] },
})

/** Says two lines, and ends when it is told to or after a moment. */
function fakeProgram(clock: VirtualClock, command: string, exit?: number): Program {
  return {
    command,
    start(_argv, write): RunningProgram {
      let end: (how: { code: number }) => void = () => undefined
      const exited = new Promise<{ code: number }>((resolve) => {
        end = resolve
      })
      write('stderr', 'one\ntwo\n')
      if (exit !== undefined) clock.timer(2_000, () => end({ code: exit }))
      return { ready: Promise.resolve(), exited, stop: () => end({ code: 0 }), kill: () => end({ code: 137 }) }
    },
  }
}

runtimeContract('native', async () => {
  const clock = new VirtualClock()
  const dir = mkdtempSync(join(tmpdir(), 'native-'))
  const programs: Record<string, Program> = { steady: fakeProgram(clock, 'steady'), failing: fakeProgram(clock, 'failing', 3) }
  const runtime = new NativeRuntime({
    ...{ clock, random: seededRandom(1), logger: silentLogger, version: '0', logsDir: dir },
    program: (name) => (programs[name] ? Promise.resolve(programs[name]) : undefined),
  })
  return {
    ...{ runtime, clock },
    pods: { steady: podOf('steady'), failing: podOf('failing'), imageless: podOf('imageless') },
    async close() {
      await runtime.stopAll({ crash: true })
      rmSync(dir, { recursive: true, force: true })
    },
  }
})

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of chunks) text += Buffer.from(chunk).toString()
  return text
}

function inDirectory<T>(run: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'native-'))
  return run(dir).finally(() => rmSync(dir, { recursive: true, force: true }))
}

test('logs are in the CRI format; past its size a file is set aside and its reader goes on', () =>
  inDirectory(async (dir) => {
    const clock = new VirtualClock()
    const log = new LogFile({ path: join(dir, '0.log'), clock, sizeMax: 100 })
    log.write('stdout', 'begin')
    const followed = textOf(readLog(log.path, { follow: true }, log))
    log.write('stdout', 'ning\n')
    for (let i = 0; i < 5; i++) {
      await clock.advance(1_000)
      log.write('stderr', `line ${i}\n`)
    }
    log.close()
    expect((await followed).split('\n')).toContain('line 4')
    expect(await textOf(readLog(log.path, { stream: 'Stdout' }, undefined))).toBe('')
  }))

test.skipIf(process.platform === 'win32')("a program of the machine: its words are the log, its exit code the container's", async () => {
  const program = hostProcess({ command: 'node', binary: process.execPath })
  const lines: string[] = []
  const code = "console.error('bad flag'); process.exit(2)"
  const running = program.start(['-e', code], (stream, text) => void lines.push(`${stream}: ${text}`))
  expect(await running.exited).toMatchObject({ code: 2, message: 'bad flag' })
  expect(lines).toEqual(['stderr: bad flag\n'])
})

test.skipIf(process.platform === 'win32')('a program of the machine is told to end, and killed when it does not', async () => {
  const program = hostProcess({ command: 'node', binary: process.execPath })
  const code = "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)"
  let up = false
  const running = program.start(['-e', code], () => {
    up = true
  })
  await vi.waitFor(() => expect(up).toBe(true), 10_000)
  running.stop()
  running.kill()
  expect(await running.exited).toMatchObject({ code: 137, signal: 9 })
})
