import type { Clock } from '../../base/clock.js'
import type { Progress } from '../../local/up.js'

/** Lines with the time since the start: on a terminal the last one shows what is waited for, elsewhere only what has been reached. */
export function terminalProgress(clock: Clock, out: NodeJS.WriteStream): Progress & { end(): void } {
  const startedAt = clock.monotonic()
  const seconds = () => `${((clock.monotonic() - startedAt) / 1000).toFixed(1).padStart(5)} s`
  let open = false
  const clear = () => {
    if (open) out.write('\r\u001b[2K')
    open = false
  }
  return {
    working(text) {
      if (!out.isTTY) return
      clear()
      const line = `${seconds()}  ... ${text}`
      out.write(line.slice(0, Math.max(20, (out.columns ?? 80) - 1)))
      open = true
    },
    done(text) {
      clear()
      out.write(`${seconds()}  ${text}\n`)
    },
    end: clear,
  }
}
