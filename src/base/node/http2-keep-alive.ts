/** A peer that does not answer a ping is gone, however open its socket looks. */
import type { ClientHttp2Session } from 'node:http2'
import type { Cancel, Clock } from '../clock.js'

export interface KeepAlive {
  readonly pingEveryMs: number
  /** After so long without an answer the session is destroyed. */
  readonly pingTimeoutMs: number
}

export function keepAlive(session: ClientHttp2Session, clock: Clock, { pingEveryMs, pingTimeoutMs }: KeepAlive): Cancel {
  let cancel: Cancel
  const next = () => {
    cancel = clock.timer(pingEveryMs, () => {
      // A destroyed session closes only when its socket has, which a peer that hangs can put off: it may not be pinged.
      if (session.destroyed) return
      let answered = false
      cancel = clock.timer(pingTimeoutMs, () =>
        // When it was this process that was busy for so long, the answer is there already: let it be read first.
        setImmediate(() => {
          if (!answered) session.destroy(new Error(`no answer to a ping within ${pingTimeoutMs} ms`))
        }),
      )
      session.ping((error) => {
        answered = true
        if (error) return
        cancel()
        next()
      })
    })
  }
  next()
  return () => cancel()
}
