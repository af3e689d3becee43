/**
 * Keeps a component from flooding its API server: so many requests at once, the others wait in order; and one that the server
 * turns away with "come again in N seconds" comes again (client-go's rule: 429 and 5xx with Retry-After, ten times at most).
 * Streams do not count: a watch goes on for as long as it likes.
 */
import type { Clock } from '../base/clock.js'
import type { Transport, TransportRequest, TransportResponse } from './client.js'

export interface PatientTransportOptions {
  readonly clock: Clock
  /** Requests under way at once. */
  readonly inFlightMax?: number
}

/** A third of the writes that an API server takes at once by default: several components share it. */
const inFlightDefault = 64
const triesMax = 10

export function patientTransport(inner: Transport, { clock, inFlightMax = inFlightDefault }: PatientTransportOptions): Transport {
  const places = new Places(inFlightMax)
  const once = async (request: TransportRequest): Promise<TransportResponse> => {
    const waiting = places.enter(request.signal)
    if (waiting) await waiting
    try {
      return await inner.request(request)
    } finally {
      places.leave()
    }
  }
  return {
    async request(request) {
      for (let tries = 1; ; tries++) {
        const response = await once(request)
        const waitMs = retryAfterMs(response)
        if (waitMs === undefined || tries > triesMax) return response
        await clock.sleep(waitMs, request.signal)
      }
    },
    stream: (request) => inner.stream(request),
    close: () => inner.close(),
  }
}

function retryAfterMs({ status, headers }: TransportResponse): number | undefined {
  if (status !== 429 && status < 500) return undefined
  const seconds = Number(headers['retry-after'] ?? '')
  return seconds > 0 ? seconds * 1000 : undefined
}

class Places {
  #free: number
  #queue: (() => void)[] = []
  #head = 0

  constructor(count: number) {
    this.#free = count
  }

  /** undefined: there is a place. Else resolves when there is; rejects when aborted first. */
  enter(signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free--
      return undefined
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        isGone = true
        reject(signal?.reason as Error)
      }
      let isGone = false
      if (signal?.aborted) return onAbort()
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#queue.push(() => {
        signal?.removeEventListener('abort', onAbort)
        // The place of one that left meanwhile is the next one's.
        if (isGone) this.leave()
        else resolve()
      })
    })
  }

  leave(): void {
    if (this.#head === this.#queue.length) {
      this.#free++
      return
    }
    const next = this.#queue[this.#head++]
    if (this.#head > 256 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
    next?.()
  }
}
