import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ProbeTarget } from '../../probes/prober.js'
import { networkProbe, type NetworkProbeOptions } from './network-probe.js'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function serverAnswering(status: number): Promise<number> {
  const server = createServer((_, response) => response.writeHead(status).end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  return (server.address() as AddressInfo).port
}

function prober(options: NetworkProbeOptions = {}) {
  const probe = networkProbe(options)
  closers.push(() => probe.close())
  return probe
}

const target = (kind: ProbeTarget['kind'], port: number, timeoutMs = 1_000): ProbeTarget => ({
  ...{ kind, podIp: '127.0.0.1', timeoutMs, uid: 'u' },
  container: { name: 'main' },
  probe: { httpGet: { path: '/readyz', port } },
})

describe('probes over the network', () => {
  it('pass from 200 to 399 and name any other status', async () => {
    await prober().probe(target('Readiness', await serverAnswering(204)))
    const failed = prober().probe(target('Readiness', await serverAnswering(503)))
    await expect(failed).rejects.toThrow('HTTP probe failed with statuscode: 503')
  })

  it('ask the readiness of a server of this process without the wire, and its liveness over it', async () => {
    const port = await serverAnswering(500)
    const asked: string[] = []
    const check = async (path: string) => {
      asked.push(path)
      return 200
    }
    const probe = prober({ hosted: (address) => (address === `127.0.0.1:${port}` ? check : undefined) })
    await probe.probe(target('Readiness', port))
    expect(asked).toEqual(['/readyz'])
    await expect(probe.probe(target('Liveness', port))).rejects.toThrow('500')
  })

  it('do not wait longer than their timeout for a server of this process', async () => {
    const probe = prober({ hosted: () => () => new Promise<number>(() => undefined) })
    await expect(probe.probe(target('Readiness', 1, 10))).rejects.toThrow('context deadline exceeded')
  })
})
