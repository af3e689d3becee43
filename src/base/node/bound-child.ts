/**
 * Child processes that end when this process does, however it ends: killed, crashed, or in order. Windows sees to that by itself.
 * Elsewhere a shell beside the child waits for the end of a pipe that only this process holds open.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'

export type BoundChild = ChildProcessByStdio<null, Readable, Readable>

const script = '(read -r _ <&3 || kill -9 $$) >/dev/null 2>&1 & exec "$@" 3<&-'

/** The child's process id is the program's own: a signal to the child reaches the program. A program that is missing exits with 127. */
export function spawnBound(command: string, args: readonly string[], platform: NodeJS.Platform = process.platform): BoundChild {
  if (platform === 'win32') return spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
  const child = spawn('/bin/sh', ['-c', script, 'sh', command, ...args], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] })
  const pipe = child.stdio[3] as NodeJS.WritableStream | undefined
  pipe?.on('error', () => undefined)
  // A line tells the shell that the child has ended before this process: its process id is no longer its own.
  child.once('exit', () => pipe?.end('ended\n'))
  return child as unknown as BoundChild
}
