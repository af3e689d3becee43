/**
 * Everything in which Linux, macOS and Windows differ for a cluster on this machine, in one place. The rest of local/ sees only
 * `Platform`, and a test can be any platform by giving `platformOf` its own machine.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, chmodSync, constants, mkdirSync, readFileSync } from 'node:fs'
import { homedir, tmpdir, userInfo } from 'node:os'
import { posix, win32 } from 'node:path'

export interface Platform {
  readonly os: NodeJS.Platform
  /** What tells a process from a later one with the same id; undefined when no process has this id. */
  startOf(pid: number): string | undefined
  /** SIGKILL's likeness. True when there was such a process. */
  kill(pid: number): boolean
  /** Asks a process to end in order. Windows has no such signal: false means that it could not be asked. */
  terminate(pid: number): boolean
  /** Where a local socket listens for which `path` would be the file: a shorter path or a named pipe where the system wants it. */
  socketAddress(path: string): string
  /** Full path of a program on the PATH. */
  findProgram(name: string): string | undefined
  /** How a user of this system gets etcd, as a sentence. */
  readonly etcdAdvice: string
  /** The directory of the user. */
  home(): string
  /** Separates the files of $KUBECONFIG. */
  readonly listSeparator: string
}

/** The parts of a machine that a platform asks; a test gives its own. */
export interface Machine {
  readonly os: NodeJS.Platform
  readonly env: Readonly<Record<string, string | undefined>>
  home(): string
  temporaryDirectory(): string
  userName(): string
  readFile(path: string): string
  /** Standard output of a program; throws when it fails. */
  run(program: string, args: readonly string[]): string
  /** As process.kill: throws with a code when it cannot. */
  signal(pid: number, signal: NodeJS.Signals | 0): void
  isExecutable(path: string): boolean
  /** Makes a directory that only this user may enter. */
  makePrivate(path: string): void
}

/** sockaddr_un holds 104 bytes on macOS and 108 on Linux, its end mark included. */
const socketPathMax = 100

export function platformOf(machine: Machine): Platform {
  const { os } = machine
  const windows = os === 'win32'
  const exists = (pid: number) => {
    try {
      machine.signal(pid, 0)
      return true
    } catch (error) {
      // Someone else's process with this id is still a process.
      return (error as NodeJS.ErrnoException).code === 'EPERM'
    }
  }
  const send = (pid: number, signal: NodeJS.Signals) => {
    try {
      machine.signal(pid, signal)
      return true
    } catch {
      return false
    }
  }
  return {
    os,
    startOf: (pid) => (os === 'linux' ? linuxStart(machine, pid) : exists(pid) ? askedStart(machine, pid) : undefined),
    kill: (pid) => send(pid, 'SIGKILL'),
    // On Windows every signal of Node ends the process at once; the run record is what asks it there.
    terminate: (pid) => !windows && send(pid, 'SIGTERM'),
    socketAddress: (path) => (windows ? `\\\\.\\pipe\\quorate-${digest(path)}` : shortSocket(machine, path)),
    findProgram: (name) => findProgram(machine, name),
    etcdAdvice: etcdAdvice(os),
    home: () => machine.home(),
    listSeparator: windows ? ';' : ':',
  }
}

/** Field 22 of /proc/PID/stat, in ticks since the machine's start. The name before it may hold spaces and brackets. */
function linuxStart(machine: Machine, pid: number): string | undefined {
  let stat: string
  try {
    stat = machine.readFile(`/proc/${pid}/stat`)
  } catch {
    return undefined
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie has ended: only its parent has not looked yet.
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

function askedStart(machine: Machine, pid: number): string | undefined {
  try {
    const text =
      machine.os === 'win32'
        ? machine.run('powershell.exe', ['-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`])
        : machine.run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)])
    const [state = '', ...rest] = text.trim().split(/\s+/)
    if (machine.os === 'win32') return state || undefined
    return state === '' || state.startsWith('Z') ? undefined : rest.join(' ')
  } catch {
    return undefined
  }
}

function shortSocket(machine: Machine, path: string): string {
  if (Buffer.byteLength(path) <= socketPathMax) return path
  const dir = posix.join(machine.temporaryDirectory(), `quorate-${machine.userName()}`)
  machine.makePrivate(dir)
  return posix.join(dir, `${digest(path)}.sock`)
}

function findProgram(machine: Machine, name: string): string | undefined {
  const windows = machine.os === 'win32'
  const { join } = windows ? win32 : posix
  const path = machine.env.PATH ?? machine.env.Path ?? ''
  for (const dir of path.split(windows ? ';' : ':')) {
    if (dir === '') continue
    const file = join(dir, windows ? `${name}.exe` : name)
    if (machine.isExecutable(file)) return file
  }
  return undefined
}

function etcdAdvice(os: NodeJS.Platform): string {
  const release = 'https://github.com/etcd-io/etcd/releases'
  if (os === 'darwin') return `Install it with \`brew install etcd\`, or put a release of ${release} on the PATH.`
  if (os === 'win32') return `Put etcd.exe of a release of ${release} on the PATH.`
  return `Install it (Debian, Ubuntu: \`apt-get install etcd-server\`), or put a release of ${release} on the PATH.`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** This machine. */
export function thisPlatform(): Platform {
  return platformOf({
    os: process.platform,
    env: process.env,
    home: homedir,
    temporaryDirectory: tmpdir,
    userName: () => String(process.getuid?.() ?? userInfo().username),
    readFile: (path) => readFileSync(path, 'utf8'),
    run: (program, args) => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true }),
    signal: (pid, signal) => void process.kill(pid, signal),
    isExecutable(path) {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    },
    makePrivate(path) {
      mkdirSync(path, { recursive: true, mode: 0o700 })
      chmodSync(path, 0o700)
    },
  })
}
