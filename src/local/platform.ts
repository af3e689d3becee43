/**
 * Everything in which Linux, macOS and Windows differ for a cluster on this machine, in one place. The rest of local/ sees only
 * `Platform`, and a test can be any platform by giving `platformOf` its own machine.
 */
import { createHash } from 'node:crypto'
import { accessSync, chmodSync, constants, mkdirSync } from 'node:fs'
import { homedir, tmpdir, userInfo } from 'node:os'
import { posix, win32 } from 'node:path'
import { type ProcessMachine, processStart, thisMachine } from '../base/node/process-start.js'

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
export interface Machine extends ProcessMachine {
  readonly env: Readonly<Record<string, string | undefined>>
  home(): string
  temporaryDirectory(): string
  userName(): string
  isExecutable(path: string): boolean
  /** Makes a directory that only this user may enter. */
  makePrivate(path: string): void
}

/** sockaddr_un holds 104 bytes on macOS and 108 on Linux, its end mark included. */
const socketPathMax = 100

export function platformOf(machine: Machine): Platform {
  const { os } = machine
  const windows = os === 'win32'
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
    startOf: (pid) => processStart(pid, machine),
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
    ...thisMachine,
    env: process.env,
    home: homedir,
    temporaryDirectory: tmpdir,
    userName: () => String(process.getuid?.() ?? userInfo().username),
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
