/** Log lines as Kubernetes components write them (structured klog): what people know from `kubectl logs`. */
import type { Clock } from '../clock.js'
import type { LogFields, Logger } from '../logger.js'

export interface KlogOptions {
  readonly clock: Clock
  write(line: string): void
  /** -v: debug lines are shown from 4 on. */
  readonly verbosity?: number
  readonly format?: 'text' | 'json'
  readonly name?: string
}

export function klogLogger(options: KlogOptions, fields: LogFields = {}): Logger {
  const { clock, write, verbosity = 0, format = 'text', name = 'quorate' } = options
  const line = (severity: string, message: string, more: LogFields = {}) => {
    const all = { ...fields, ...more }
    const now = new Date(clock.now())
    write(format === 'json' ? jsonLine(now, severity, message, all) : textLine(now, severity, name, message, all))
  }
  return {
    debug(message, more) {
      if (verbosity >= 4) line('I', message, more)
    },
    info: (message, more) => line('I', message, more),
    warn: (message, more) => line('W', message, more),
    error: (message, more) => line('E', message, more),
    child: (more) => klogLogger(options, { ...fields, ...more }),
  }
}

const two = (value: number) => String(value).padStart(2, '0')

/** I1124 08:00:00.000000       1 name] "Message" key="value" */
function textLine(now: Date, severity: string, name: string, message: string, fields: LogFields): string {
  const date = `${two(now.getUTCMonth() + 1)}${two(now.getUTCDate())}`
  const time = `${two(now.getUTCHours())}:${two(now.getUTCMinutes())}:${two(now.getUTCSeconds())}.${String(now.getUTCMilliseconds()).padStart(3, '0')}000`
  let text = `${severity}${date} ${time} ${String(process.pid).padStart(7)} ${name}] ${JSON.stringify(message)}`
  for (const [key, value] of Object.entries(fields))
    if (value !== undefined) text += ` ${key}=${typeof value === 'number' || typeof value === 'boolean' ? value : JSON.stringify(value)}`
  return `${text}\n`
}

function jsonLine(now: Date, severity: string, message: string, fields: LogFields): string {
  const level = { I: 'info', W: 'warn', E: 'error' }[severity] ?? 'info'
  return `${JSON.stringify({ ts: now.getTime() / 1000, level, msg: message, ...fields })}\n`
}
