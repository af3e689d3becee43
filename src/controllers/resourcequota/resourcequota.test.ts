import { afterEach, describe, expect, it } from 'vitest'
import type { Pod, ResourceQuota } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { ObjectMonitors } from '../common/object-monitors.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { resourceQuotaController } from './resourcequota.js'

describe('resourcequota-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  const start = async () => {
    const clock = new VirtualClock()
    const controllers = [resourceQuotaController({ syncPeriodMs: 300_000, monitors: new ObjectMonitors() })]
    running = await runTestControllers({ controllers, clock })
    const { client, settled, get } = running
    await client.resource(resources.serviceAccounts).create({ metadata: { namespace: 'default', name: 'default' } })
    const quotas = client.resource<ResourceQuota>(resources.resourceQuotas)
    return {
      ...{ ...running, clock, quotas, pods: client.resource<Pod>(resources.pods), secrets: client.resource(resources.secrets) },
      limit: (hard: Record<string, string>) => quotas.create({ metadata: { namespace: 'default', name: 'q' }, spec: { hard } }),
      status: async () => {
        await settled()
        await clock.advance(1_000)
        await settled()
        return (await get<ResourceQuota>(resources.resourceQuotas, 'default', 'q')).status
      },
    }
  }
  const secret = (name: string) => ({ metadata: { namespace: 'default', name } })
  const pod: Pod = {
    metadata: { namespace: 'default', name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '250m' } } }], nodeName: 'n' },
  }

  it('counts what is there, and anew when the limits change', async () => {
    const { limit, secrets, quotas, status } = await start()
    await secrets.create(secret('a'))
    await limit({ secrets: '5' })
    expect(await status()).toEqual({ hard: { secrets: '5' }, used: { secrets: '1' } })
    await quotas.patch('default', 'q', { type: 'merge', body: { spec: { hard: { secrets: null, 'count/secrets': '7' } } } })
    expect(await status()).toEqual({ hard: { 'count/secrets': '7' }, used: { 'count/secrets': '1' } })
  })

  it('gives back what was deleted or has ended', async () => {
    const { limit, pods, secrets, status } = await start()
    await limit({ pods: '4', 'count/pods': '9', 'requests.cpu': '1', secrets: '5' })
    expect((await status())?.used).toEqual({ pods: '0', 'count/pods': '0', 'requests.cpu': '0', secrets: '0' })
    await secrets.create(secret('a'))
    await pods.create(pod)
    expect((await status())?.used).toEqual({ pods: '1', 'count/pods': '1', 'requests.cpu': '250m', secrets: '1' })
    await pods.patch('default', 'p', { type: 'merge', body: { status: { phase: 'Succeeded' } } }, { subresource: 'status' })
    await secrets.delete('default', 'a')
    expect((await status())?.used).toEqual({ pods: '0', 'count/pods': '1', 'requests.cpu': '0', secrets: '0' })
    await pods.delete('default', 'p', { gracePeriodSeconds: 0 })
    expect((await status())?.used).toEqual({ pods: '0', 'count/pods': '0', 'requests.cpu': '0', secrets: '0' })
  })

  it('mends a wrong figure with the full resync', async () => {
    const { limit, clock, quotas, status } = await start()
    await limit({ secrets: '5' })
    await status()
    await clock.advance(5_000)
    await quotas.patch('default', 'q', { type: 'merge', body: { status: { used: { secrets: '3' } } } }, { subresource: 'status' })
    expect((await status())?.used).toEqual({ secrets: '3' })
    await clock.advance(300_000)
    expect((await status())?.used).toEqual({ secrets: '0' })
  })
})
