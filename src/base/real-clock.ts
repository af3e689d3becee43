import { type Clock, sleepWith } from './clock.js'

/** The machine's own time. Timers do not keep a process alive by themselves unless `ref` is true. */
export function realClock(): Clock {
  const clock: Clock = {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (ms, signal) => sleepWith(clock, ms, signal),
    timer(ms, fn) {
      // setTimeout overflows beyond 2^31-1 ms; such a timer is "never" for a process.
      const handle = setTimeout(fn, Math.min(Math.max(0, ms), 2 ** 31 - 1))
      return () => clearTimeout(handle)
    },
  }
  return clock
}
