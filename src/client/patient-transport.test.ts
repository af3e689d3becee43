import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../base/virtual-clock.js'
import type { Transport, TransportRequest, TransportResponse } from './client.js'
import { patientTransport } from './patient-transport.js'

const get = (path: string, signal?: AbortSignal): TransportRequest => ({ method: 'GET', path, ...(signal ? { signal } : {}) })
const respond = (status: number, headers: Record<string, string> = {}): TransportResponse => ({ status, headers, body: new Uint8Array() })

/** Answers when the test says so. */
function held() {
  const open: { path: string; answer: (response: TransportResponse) => void }[] = []
  const inner: Transport = {
    request: ({ path }) => new Promise((answer) => open.push({ path, answer })),
    stream: () => Promise.reject(new Error('not here')),
    close: () => Promise.resolve(),
  }
  return { open, inner, paths: () => open.map(({ path }) => path) }
}

describe('patient transport', () => {
  it('lets so many requests through at once, the others in order', async () => {
    const clock = new VirtualClock()
    const { open, inner, paths } = held()
    const transport = patientTransport(inner, { clock, inFlightMax: 2 })
    const answers = ['a', 'b', 'c', 'd'].map((path) => transport.request(get(path)))
    await clock.advance(0)
    expect(paths()).toEqual(['a', 'b'])
    open[1]?.answer(respond(200))
    await clock.advance(0)
    expect(paths()).toEqual(['a', 'b', 'c'])
    for (let at = 0; at < 4; at++) {
      open[at]?.answer(respond(200))
      await clock.advance(0)
    }
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  })

  it('leaves the queue when aborted, and takes nobody else along', async () => {
    const clock = new VirtualClock()
    const { open, inner, paths } = held()
    const transport = patientTransport(inner, { clock, inFlightMax: 1 })
    const abort = new AbortController()
    void transport.request(get('a'))
    const second = transport.request(get('b', abort.signal))
    void transport.request(get('c'))
    abort.abort(new Error('enough'))
    await expect(second).rejects.toThrow('enough')
    open[0]?.answer(respond(200))
    await clock.advance(0)
    expect(paths()).toEqual(['a', 'c'])
  })

  it('comes again when the server says when, without keeping its place meanwhile', async () => {
    const clock = new VirtualClock()
    const { open, inner, paths } = held()
    const transport = patientTransport(inner, { clock, inFlightMax: 1 })
    const first = transport.request(get('a'))
    void transport.request(get('b'))
    open[0]?.answer(respond(429, { 'retry-after': '2' }))
    await clock.advance(1_999)
    expect(paths()).toEqual(['a', 'b'])
    open[1]?.answer(respond(200))
    await clock.advance(1)
    expect(paths()).toEqual(['a', 'b', 'a'])
    open[2]?.answer(respond(200))
    expect((await first).status).toBe(200)
  })

  it('gives the refusal back when it names no time, and after ten more tries', async () => {
    const clock = new VirtualClock()
    let tries = 0
    const answering = (response: TransportResponse): Transport => ({
      request: () => {
        tries++
        return Promise.resolve(response)
      },
      stream: () => Promise.reject(new Error('not here')),
      close: () => Promise.resolve(),
    })
    expect((await patientTransport(answering(respond(429)), { clock }).request(get('a'))).status).toBe(429)
    expect(tries).toBe(1)
    const last = patientTransport(answering(respond(503, { 'retry-after': '1' })), { clock }).request(get('a'))
    await clock.advance(60_000)
    expect((await last).status).toBe(503)
    expect(tries).toBe(1 + 11)
  })
})
