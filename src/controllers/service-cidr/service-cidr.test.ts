import { afterEach, describe, expect, it } from 'vitest'
import type { IPAddress, ServiceCIDR } from '../../api/types/networking-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { isDispensable, serviceCidrController } from './service-cidr.js'

const cidr = (name: string, ...cidrs: string[]): ServiceCIDR => ({ metadata: { name }, spec: { cidrs } })
const address = (name: string): IPAddress => ({
  metadata: { name, labels: { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' } },
  spec: { parentRef: { resource: 'services', name: 's', namespace: 'default' } },
})

describe('a Service network can be done without', () => {
  const small = cidr('small', '10.0.1.0/24')
  it('when nobody uses an address of it', () => {
    expect(isDispensable(small, [small], [address('10.0.2.1')])).toBe(true)
    expect(isDispensable(small, [small], [address('10.0.1.1')])).toBe(false)
  })
  it('when other networks hold it, or all addresses in use', () => {
    expect(isDispensable(small, [small, cidr('large', '10.0.0.0/16')], [address('10.0.1.1')])).toBe(true)
    expect(isDispensable(small, [small, cidr('half', '10.0.1.0/25')], [address('10.0.1.1')])).toBe(true)
    expect(isDispensable(small, [small, cidr('half', '10.0.1.0/25')], [address('10.0.1.129')])).toBe(false)
  })
})

describe('service-cidr-controller (KEP-1880)', () => {
  let run: TestControllers | undefined
  afterEach(() => run?.stop())

  it('guards a network, and lets it go after the grace period', async () => {
    const clock = new VirtualClock()
    const { client, get, list, settled, eventually } = (run = await runTestControllers({ controllers: [serviceCidrController()], clock }))
    await client.resource<ServiceCIDR>(resources.serviceCidrs).create(cidr('mine', '10.200.0.0/24'))
    await eventually(async () => {
      const { metadata, status } = await get<ServiceCIDR>(resources.serviceCidrs, '', 'mine')
      expect([metadata.finalizers, status?.conditions?.map(({ type, status: is }) => [type, is])]).toEqual([
        ['networking.k8s.io/service-cidr-finalizer'],
        [['Ready', 'True']],
      ])
    })
    const names = async () => (await list<ServiceCIDR>(resources.serviceCidrs)).map(({ metadata }) => metadata.name)
    await client.resource(resources.serviceCidrs).delete('', 'mine')
    await settled()
    expect(await names()).toContain('mine')
    await clock.advance(10_000)
    await settled()
    expect(await names()).not.toContain('mine')
  })
})
