/** The last words of a container (docs: Determine the Reason for Pod Failure): a file of its own, or the end of its log. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { CriContainerStatus } from './api/types.js'
import { annotation, defaultMessagePath } from './names.js'

const messageBytesMax = 4096
const logLinesMax = 80
const logBytesMax = 2048
/** How much of a log's file can hold that many bytes of text. */
const logReadMax = 16 * 1024

export function terminationMessage(status: CriContainerStatus, logPath: string): string | undefined {
  const { annotations = {}, mounts = [], exitCode = 0, message } = status
  const path = annotations[annotation.terminationMessagePath] ?? defaultMessagePath
  const hostPath = mounts.find(({ containerPath }) => containerPath === path)?.hostPath
  const words = hostPath ? readTail(hostPath, messageBytesMax, 'start') : ''
  if (words !== '') return words
  if (annotations[annotation.terminationMessagePolicy] === 'FallbackToLogsOnError' && exitCode !== 0) {
    const lines = readTail(logPath, logReadMax, 'end').split('\n')
    const text = lines.map(textOf).filter(Boolean).slice(-logLinesMax).join('')
    if (text !== '') return Buffer.from(text).subarray(-logBytesMax).toString('utf8')
  }
  return message || undefined
}

/** The text of a line in the CRI's format. */
function textOf(line: string): string {
  const match = /^\S+ (?:stdout|stderr) (\S+) (.*)$/.exec(line)
  if (!match) return ''
  return match[1]?.startsWith('P') ? (match[2] as string) : `${match[2]}\n`
}

function readTail(path: string, bytesMax: number, from: 'start' | 'end'): string {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return ''
  }
  try {
    const { size } = fstatSync(file)
    const buffer = Buffer.alloc(Math.min(size, bytesMax))
    const read = readSync(file, buffer, 0, buffer.length, from === 'end' ? size - buffer.length : 0)
    return buffer.subarray(0, read).toString('utf8')
  } finally {
    closeSync(file)
  }
}
