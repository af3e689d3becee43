import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Endpoints, Node, Pod, Service } from '../../api/types/core-v1.js'
import type { EndpointSlice } from '../../api/types/discovery-v1.js'
import { resources } from '../../client/resources.js'
import { endpointController } from '../endpoint/endpoint.js'
import { endpointSliceMirroringController } from '../endpointslice-mirroring/endpointslice-mirroring.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { endpointSliceController } from './endpointslice.js'

describe('Services and their endpoints, on an API server', () => {
  let run: TestControllers
  beforeEach(async () => {
    run = await runTestControllers({
      controllers: [endpointController(), endpointSliceController(), endpointSliceMirroringController()],
      prepare: async (client) => {
        await client.resource<Node>(resources.nodes).create({ metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'z' } } })
        await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
      },
    })
  })
  afterEach(() => run.stop())

  const makeService = (spec: Service['spec']) =>
    run.client.resource<Service>(resources.services).create({ metadata: { name: 's', namespace: 'default' }, spec })
  const makePod = async (name: string, ip: string, { ready = true, node = 'n' } = {}) => {
    const pods = run.client.resource<Pod>(resources.pods)
    await pods.create({
      metadata: { name, namespace: 'default', labels: { app: 'a' } },
      spec: { nodeName: node, containers: [{ name: 'c', image: 'i' }] },
    })
    await setStatus(name, ip, ready)
  }
  const setStatus = (name: string, ip: string, ready: boolean) =>
    run.client.resource<Pod>(resources.pods).patch(
      'default',
      name,
      {
        type: 'merge',
        body: {
          status: { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
        },
      },
      { subresource: 'status' },
    )
  const slices = () => run.list<EndpointSlice>(resources.endpointSlices, 'default', 'kubernetes.io/service-name=s')
  const shown = async () =>
    (await slices()).flatMap(({ endpoints }) => endpoints ?? []).map((each) => [each.addresses[0], each.conditions?.ready, each.zone])
  const endpoints = () => run.get<Endpoints>(resources.endpoints, 'default', 's')

  it('follow pods, readiness and the selector, and go with the Service', async () => {
    await makeService({ selector: { app: 'a' }, ports: [{ port: 80 }] })
    await makePod('p', '10.1.0.1')
    await makePod('q', '10.1.0.2', { ready: false })
    await run.eventually(async () =>
      expect((await shown()).sort()).toEqual([
        ['10.1.0.1', true, 'z'],
        ['10.1.0.2', false, 'z'],
      ]),
    )
    await setStatus('q', '10.1.0.2', true)
    await run.eventually(async () => expect((await endpoints()).subsets?.[0]?.addresses).toHaveLength(2))
    await run.client.resource(resources.services).patch('default', 's', { type: 'merge', body: { spec: { selector: { app: 'b' } } } })
    await run.eventually(async () => expect([await shown(), (await endpoints()).subsets]).toEqual([[], undefined]))
    expect(await slices()).toHaveLength(1)
    await run.client.resource(resources.services).delete('default', 's')
    await run.eventually(async () =>
      expect(await run.list(resources.endpoints, 'default', '!endpointslice.kubernetes.io/skip-mirror')).toEqual([]),
    )
  })

  it('are those of the pods that have the labels now, whatever they had', async () => {
    await makeService({ selector: { app: 'a' }, ports: [{ port: 80 }] })
    for (const [name, ip] of [
      ['p', '10.1.0.1'],
      ['q', '10.1.0.2'],
    ] as const)
      await makePod(name, ip)
    const ips = async () => [(await shown()).map(([ip]) => ip).sort(), (await endpoints()).subsets?.[0]?.addresses?.map(({ ip }) => ip)]
    const label = (name: string, app: string) =>
      run.client.resource(resources.pods).patch('default', name, { type: 'merge', body: { metadata: { labels: { app } } } })
    await run.eventually(async () =>
      expect(await ips()).toEqual([
        ['10.1.0.1', '10.1.0.2'],
        ['10.1.0.1', '10.1.0.2'],
      ]),
    )
    await label('p', 'other')
    await run.eventually(async () => expect(await ips()).toEqual([['10.1.0.2'], ['10.1.0.2']]))
    await label('p', 'a')
    await run.client.resource(resources.pods).delete('default', 'q', { gracePeriodSeconds: 0 })
    await run.eventually(async () => expect(await ips()).toEqual([['10.1.0.1'], ['10.1.0.1']]))
  })

  it('are written once for pods that come together, never twice for one', async () => {
    await makeService({ selector: { app: 'a' }, ports: [{ port: 80 }] })
    await Promise.all(Array.from({ length: 30 }, (_, i) => makePod(`p${i}`, `10.1.0.${i}`)))
    await run.eventually(async () => expect(await shown()).toHaveLength(30))
    await run.settled()
    expect(await slices()).toHaveLength(1)
    expect(new Set((await shown()).map(([ip]) => ip)).size).toBe(30)
  })

  it('leave out a pod whose node is unknown until the node is known', async () => {
    await makeService({ selector: { app: 'a' }, ports: [{ port: 80 }] })
    await makePod('p', '10.1.0.1', { node: 'late' })
    await run.settled()
    expect(await shown()).toEqual([])
    await run.client.resource<Node>(resources.nodes).create({ metadata: { name: 'late' } })
    await run.eventually(async () => expect(await shown()).toEqual([['10.1.0.1', true, undefined]]))
  })

  it('have hints by the zones of the nodes where the Service asks for them, and lose them with a zone', async () => {
    const nodes = run.client.resource<Node>(resources.nodes)
    const status = { allocatable: { cpu: '4' }, conditions: [{ type: 'Ready', status: 'True' }] }
    await nodes.create({ metadata: { name: 'm', labels: { 'topology.kubernetes.io/zone': 'y' } } })
    for (const name of ['m', 'n']) await nodes.patch('', name, { type: 'merge', body: { status } }, { subresource: 'status' })
    const services = run.client.resource<Service>(resources.services)
    await services.create({
      metadata: { name: 's', namespace: 'default', annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } },
      spec: { selector: { app: 'a' }, ports: [{ port: 80 }] },
    })
    for (let i = 0; i < 4; i++) await makePod(`p${i}`, `10.1.0.${i}`, { node: i < 3 ? 'n' : 'm' })
    const hints = async () =>
      (await slices())
        .flatMap(({ endpoints: all }) => all ?? [])
        .map(({ hints: each }) => each?.forZones?.[0]?.name)
        .sort()
    await run.eventually(async () => expect(await hints()).toEqual(['y', 'y', 'z', 'z']))
    await nodes.delete('', 'm')
    await run.eventually(async () => expect(new Set(await hints())).toEqual(new Set([undefined])))
  })

  it('made by hand are mirrored, changed and removed with the Endpoints', async () => {
    await makeService({ ports: [{ name: 'web', port: 80 }] })
    const all = run.client.resource<Endpoints>(resources.endpoints)
    const ports = [{ name: 'web', port: 8080 }]
    await all.create({
      metadata: { name: 's', namespace: 'default', labels: { mine: 'yes' } },
      subsets: [{ addresses: [{ ip: '10.1.2.3' }, { ip: 'fd00::3' }], notReadyAddresses: [{ ip: '10.1.2.5' }], ports }],
    })
    await run.eventually(async () =>
      expect((await slices()).map((slice) => [slice.addressType, slice.metadata.labels?.mine, slice.endpoints?.length]).sort()).toEqual([
        ['IPv4', 'yes', 2],
        ['IPv6', 'yes', 1],
      ]),
    )
    await all.patch('default', 's', { type: 'merge', body: { subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports }] } })
    await run.eventually(async () => expect(await shown()).toEqual([['10.1.2.3', true, undefined]]))
    await all.patch('default', 's', {
      type: 'merge',
      body: { metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } } },
    })
    await run.eventually(async () => expect(await slices()).toEqual([]))
    await all.patch('default', 's', { type: 'merge', body: { metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': null } } } })
    await run.eventually(async () => expect(await slices()).toHaveLength(1))
    await all.delete('default', 's')
    await run.eventually(async () => expect(await slices()).toEqual([]))
  })
})
