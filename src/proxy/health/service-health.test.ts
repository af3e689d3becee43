import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../base/logger.js'
import { ServiceHealth } from './service-health.js'

describe('health checks of Services', () => {
  const failures: string[] = []
  let healthy = true
  const health = new ServiceHealth({
    ...{ nodeName: 'here', logger: silentLogger, addresses: () => ['127.0.0.1'], isProxyHealthy: () => healthy },
    failed: (key, message) => void failures.push(`${key}: ${message}`),
  })
  afterEach(() => health.close())

  const taken = async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { port: (server.address() as AddressInfo).port, free: () => new Promise((resolve) => server.close(resolve)) }
  }
  const ask = async (port: number) => (await fetch(`http://127.0.0.1:${port}/healthz`)).status

  it("answer in upstream's form, and no while the proxy itself is not well", async () => {
    const { port, free } = await taken()
    await free()
    await health.sync('default/web', port, 2)
    const response = await fetch(`http://127.0.0.1:${port}/`)
    expect(await response.text()).toBe(
      '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": 2,\n\t"serviceProxyHealthy": true\n}',
    )
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json'])
    healthy = false
    expect(await ask(port)).toBe(503)
    healthy = true
    await health.sync('default/web', port, 0)
    expect(await ask(port)).toBe(503)
    await health.sync('default/web', 0, 0)
    await expect(ask(port)).rejects.toThrow('fetch failed')
  })

  it('say so when their port is taken, and have it once it is free', async () => {
    const { port, free } = await taken()
    await health.sync('default/web', port, 1)
    expect(failures).toEqual([expect.stringMatching(`default/web: node here failed to start healthcheck "default/web" on port ${port}: `)])
    await free()
    await health.retry()
    expect(await ask(port)).toBe(200)
    expect(failures).toHaveLength(1)
  })
})
