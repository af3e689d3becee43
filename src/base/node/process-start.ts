/**
 * What tells a process from a later one with the same id: when it started, in the system's own words. A process that has ended but
 * that its parent has not looked at yet (a zombie) is none.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** The parts of a machine that are asked; a test gives its own. */
export interface ProcessMachine {
  readonly os: NodeJS.Platform
  readFile(path: string): string
  /** Standard output of a program; throws when it fails. */
  run(program: string, args: readonly string[]): string
  /** As process.kill: throws with a code when it cannot. */
  signal(pid: number, signal: NodeJS.Signals | 0): void
}

export const thisMachine: ProcessMachine = {
  os: process.platform,
  readFile: (path) => readFileSync(path, 'utf8'),
  run: (program, args) => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true }),
  signal: (pid, signal) => void process.kill(pid, signal),
}

/** undefined when no process has this id. */
export function processStart(pid: number, machine: ProcessMachine = thisMachine): string | undefined {
  if (machine.os === 'linux') return linuxStart(machine, pid)
  return exists(machine, pid) ? askedStart(machine, pid) : undefined
}

function exists(machine: ProcessMachine, pid: number): boolean {
  try {
    machine.signal(pid, 0)
    return true
  } catch (error) {
    // Someone else's process with this id is still a process.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Field 22 of /proc/PID/stat, in ticks since the machine's start. The name before it may hold spaces and brackets. */
function linuxStart(machine: ProcessMachine, pid: number): string | undefined {
  let stat: string
  try {
    stat = machine.readFile(`/proc/${pid}/stat`)
  } catch {
    return undefined
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

function askedStart(machine: ProcessMachine, pid: number): string | undefined {
  try {
    if (machine.os === 'win32') {
      const text = machine.run('powershell.exe', ['-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`])
      return text.trim() || undefined
    }
    const [state = '', ...start] = machine
      .run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)])
      .trim()
      .split(/\s+/)
    return state === '' || state.startsWith('Z') ? undefined : start.join(' ')
  } catch {
    return undefined
  }
}
