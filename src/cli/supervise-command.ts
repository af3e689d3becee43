/** `quorate supervise -- COMMAND ...`: keeps one command of this package running where no service manager does (hidden). */
import { spawn } from 'node:child_process'
import { openSync, rmSync } from 'node:fs'
import type { Command } from 'commander'
import { makeDirectory, writeFileWhole } from '../base/node/files.js'
import { processStart } from '../base/node/process-start.js'
import { realClock } from '../base/real-clock.js'
import { dirname } from 'node:path'

/** As systemd's RestartSec of kubeadm's unit. */
const restartMs = 10_000

export function addSupervise(program: Command): void {
  program
    .command('supervise', { hidden: true })
    .requiredOption('--pid-file <file>', 'names this process while it runs')
    .requiredOption('--log-file <file>', 'what the command prints is added here')
    .argument('<command...>', 'command of this package and its flags')
    .action((command: string[], flags: { pidFile: string; logFile: string }) => supervise(command, flags))
}

async function supervise(command: readonly string[], { pidFile, logFile }: { pidFile: string; logFile: string }): Promise<void> {
  const clock = realClock()
  const stopping = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort())
  makeDirectory(dirname(logFile))
  const log = openSync(logFile, 'a', 0o600)
  writeFileWhole(pidFile, `${process.pid} ${processStart(process.pid) ?? ''}\n`)
  while (!stopping.signal.aborted) {
    const child = spawn(process.execPath, [process.argv[1] as string, ...command], { stdio: ['ignore', log, log] })
    const end = () => child.kill('SIGTERM')
    stopping.signal.addEventListener('abort', end, { once: true })
    await new Promise<void>((resolve) => child.once('close', () => resolve()))
    stopping.signal.removeEventListener('abort', end)
    await clock.sleep(restartMs, stopping.signal).catch(() => undefined)
  }
  rmSync(pidFile, { force: true })
}
