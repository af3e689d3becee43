/** Looks at the Corefile from time to time and takes a changed one over; one that cannot be used leaves the running one. */
import { argsOf, fault, type Link, onlyOne, type Plugin } from '../../plugin.js'
import { duration } from '../../corefile/values.js'

const intervalMsMin = 2_000
const jitterMsMin = 1_000

export const reload: Plugin = {
  name: 'reload',
  setup(directives, { clock, random, checkCorefile }): Link {
    const directive = onlyOne(directives)
    if (directive.args[0] === 'off') return {}
    const [interval = '30s', jitter] = argsOf(directive, 0, 2)
    const intervalMs = duration(directive, interval)
    if (intervalMs < intervalMsMin) throw fault(directive, `interval value must be greater or equal to ${intervalMsMin / 1000}s`)
    const wantedMs = jitter === undefined ? intervalMs / 2 : duration(directive, jitter)
    if (wantedMs < jitterMsMin) throw fault(directive, `jitter value must be greater or equal to ${jitterMsMin / 1000}s`)
    const jitterMs = Math.min(wantedMs, intervalMs / 2)
    const ending = new AbortController()
    const watch = async () => {
      // Replicas of one Deployment must not all look away at once.
      await clock.sleep(random.next() * jitterMs, ending.signal).catch(() => undefined)
      while (!ending.signal.aborted) {
        await clock.sleep(intervalMs, ending.signal).catch(() => undefined)
        if (!ending.signal.aborted) await checkCorefile()
      }
    }
    return {
      start: () => void watch(),
      stop: () => ending.abort(),
    }
  },
}
