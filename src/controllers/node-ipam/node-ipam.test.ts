import { afterEach, describe, expect, it } from 'vitest'
import type { Event, Node } from '../../api/types/core-v1.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { CidrSet } from './cidr-set.js'
import { nodeIpamController } from './node-ipam.js'

describe('the networks of a cluster network', () => {
  it('are given in turn, freed ones last', () => {
    const set = new CidrSet('10.244.0.0/22', 24)
    expect([set.size, set.allocate(), set.allocate()]).toEqual([4, '10.244.0.0/24', '10.244.1.0/24'])
    set.release('10.244.0.0/24')
    expect([set.allocate(), set.allocate(), set.allocate(), set.allocate()]).toEqual([
      '10.244.2.0/24',
      '10.244.3.0/24',
      '10.244.0.0/24',
      undefined,
    ])
  })
  it('that overlap an occupied one are given to nobody', () => {
    const set = new CidrSet('10.244.0.0/22', 24)
    expect([set.occupy('10.244.0.0/23'), set.occupy('10.244.3.128/25'), set.occupy('10.0.0.0/24')]).toEqual([true, true, false])
    expect([set.allocate(), set.allocate()]).toEqual(['10.244.2.0/24', undefined])
  })
  it('may be IPv6', () => {
    const set = new CidrSet('fd00::/48', 64)
    expect([set.size, set.allocate(), set.allocate()]).toEqual([65536, 'fd00::/64', 'fd00:0:0:1::/64'])
  })
  it('need a mask that fits', () => {
    expect(() => new CidrSet('10.0.0.0/16', 8)).toThrow('a mask of 8 bits')
    expect(() => new CidrSet('fd00::/32', 64)).toThrow('more than 65536')
  })
})

describe('node-ipam-controller', () => {
  let run: TestControllers
  afterEach(() => run.stop())
  const cidrs = async () =>
    (await run.list<Node>(resources.nodes)).map(({ metadata, spec }) => [metadata.name, spec?.podCIDR, spec?.podCIDRs])

  it('gives each node its networks, knows those that are taken, and frees those of nodes that go', async () => {
    run = await runTestControllers({
      controllers: [
        nodeIpamController({ clusterCidrs: ['10.0.0.0/23', 'fd00::/63'], serviceCidrs: [], maskSizeIpv4: 24, maskSizeIpv6: 64 }),
      ],
      prepare: async (client) => {
        const nodes = client.resource<Node>(resources.nodes)
        await nodes.create({ metadata: { name: 'b' }, spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24', 'fd00:0:0:1::/64'] } })
        await nodes.create({ metadata: { name: 'a' } })
      },
    })
    await run.eventually(async () =>
      expect(await cidrs()).toEqual([
        ['a', '10.0.1.0/24', ['10.0.1.0/24', 'fd00::/64']],
        ['b', '10.0.0.0/24', ['10.0.0.0/24', 'fd00:0:0:1::/64']],
      ]),
    )
    await run.client.resource<Node>(resources.nodes).create({ metadata: { name: 'c' } })
    await run.eventually(async () =>
      expect((await run.list<Event>(resources.events)).map(({ reason }) => reason)).toEqual(['CIDRNotAvailable']),
    )
    await run.client.resource(resources.nodes).delete('', 'b')
    await run.eventually(async () => expect((await cidrs())[1]).toEqual(['c', '10.0.0.0/24', ['10.0.0.0/24', 'fd00:0:0:1::/64']]))
  })
})
