import type { Clock } from '../base/clock.js'
import type { RunningComponent } from '../base/component.js'
import { recordVariable, watchRunRecord } from '../node/run-record.js'

const orderlyMs = 5_000

/** Waits for the end of a component, and ends it in order on SIGINT, on SIGTERM, and when the cluster that started it is gone. */
export async function runInForeground(component: RunningComponent, clock: Clock): Promise<void> {
  // Two signals end it at once, as every Kubernetes component does.
  let asked = false
  const stop = () => {
    if (asked) process.exit(1)
    asked = true
    void component.stop()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  const record = process.env[recordVariable]
  /** Whatever is still open then, nothing may keep a process that has failed or whose cluster is gone. */
  const endSoon = () => void setTimeout(() => process.exit(1), orderlyMs).unref()
  const onLost = () => {
    stop()
    endSoon()
  }
  const unwatch = record ? watchRunRecord({ file: record, pid: process.pid, clock, onLost }) : () => undefined
  try {
    await component.ready
    await component.done
  } catch (error) {
    // A component that could not start may have begun to serve: whoever supervises it must see it end.
    if (!asked) stop()
    endSoon()
    throw error
  } finally {
    unwatch()
  }
}
