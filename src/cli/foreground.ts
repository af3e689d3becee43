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
  const onLost = () => {
    stop()
    // Nothing may keep a process whose cluster is gone.
    setTimeout(() => process.exit(1), orderlyMs).unref()
  }
  const unwatch = record ? watchRunRecord({ file: record, pid: process.pid, clock, onLost }) : () => undefined
  try {
    await component.ready
    await component.done
  } finally {
    unwatch()
  }
}
