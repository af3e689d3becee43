import { describe, expect, it } from 'vitest'
import { flowsOf, staleFlows } from './flows.js'

const line = (destination: string, port: number, answerer: string, answererPort: number) =>
  `udp      17 29 src=10.244.0.2 dst=${destination} sport=40000 dport=${port} [UNREPLIED] src=${answerer} dst=10.244.0.2 sport=${answererPort} dport=40000 mark=0 use=1\n`
const stale = (text: string, live: Record<string, string[]>) =>
  staleFlows(flowsOf(text), new Map(Object.entries(live).map(([key, endpoints]) => [key, new Set(endpoints)])), new Set(['192.0.2.1']))
    .length

describe('stale UDP flows', () => {
  const toDns = line('10.96.0.10', 53, '10.244.1.2', 5353)

  it('are read from what conntrack prints', () => {
    expect(flowsOf(`${toDns}\nconntrack v1.4.7: 1 flow entries have been shown.\n`)).toEqual([
      {
        ...{ source: '10.244.0.2', destination: '10.96.0.10', sourcePort: '40000', port: '53' },
        ...{ answerer: '10.244.1.2', answererPort: '5353' },
      },
    ])
  })

  it('go to an endpoint that is gone, also of a Service that is gone', () => {
    expect(stale(toDns, { '10.96.0.10 . 53': ['10.244.1.2 . 5353'] })).toBe(0)
    expect(stale(toDns, { '10.96.0.10 . 53': ['10.244.1.3 . 5353'] })).toBe(1)
    expect(stale(toDns, { '10.96.0.10 . 53': [] })).toBe(1)
  })

  it('began before their Service had an endpoint', () => {
    const blackhole = line('10.96.0.10', 53, '10.96.0.10', 53)
    expect(stale(blackhole, { '10.96.0.10 . 53': [] })).toBe(0)
    expect(stale(blackhole, { '10.96.0.10 . 53': ['10.244.1.2 . 5353'] })).toBe(1)
  })

  it('are of a node port only on an address of the node, or where something was translated', () => {
    const live = { '30053': ['10.244.1.2 . 5353'] }
    expect(stale(line('192.0.2.1', 30053, '192.0.2.1', 30053), live)).toBe(1)
    expect(stale(line('8.8.8.8', 30053, '8.8.8.8', 30053), live)).toBe(0)
    expect(stale(line('172.18.0.2', 30053, '10.244.9.9', 5353), live)).toBe(1)
  })

  it('are none of destinations that nobody asked about', () => {
    expect(stale(toDns, { '10.96.0.11 . 53': [] })).toBe(0)
  })
})
