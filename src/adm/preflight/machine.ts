/** What checks ask of a machine; tests answer for one that does not exist. */
import { existsSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import type { NodeFiles } from '../machine/node-files.js'

export interface CheckedMachine {
  readonly files: NodeFiles
  isRoot(): boolean
  /** A TCP port that nobody listens on. */
  isPortFree(port: number): Promise<boolean>
  hasProgram(name: string): boolean
  isSocket(path: string): boolean
  cpuCount(): number
  memoryBytes(): number
  /** How long one write to disk takes there, in milliseconds; undefined when it cannot be told. */
  syncMs(directory: string): number | undefined
}

export function thisMachine(files: NodeFiles): CheckedMachine {
  return {
    files,
    isRoot: () => process.getuid?.() === 0,
    isPortFree,
    hasProgram,
    isSocket: (path) => files.kind(path) === 'socket',
    cpuCount: () => cpus().length,
    memoryBytes: totalmem,
    syncMs: (directory) => files.syncMs(directory),
  }
}

function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, () => server.close(() => resolve(true)))
  })
}

function hasProgram(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => directory !== '' && existsSync(join(directory, name)))
}
