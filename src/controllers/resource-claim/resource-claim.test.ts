import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Event, Node, Pod } from '../../api/types/core-v1.js'
import type { ResourceClaim, ResourceClaimTemplate } from '../../api/types/resource-v1.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { generateName } from './claims.js'
import { resourceClaimController } from './resource-claim.js'

describe('the name of a generated claim', () => {
  it('shows pod and entry, shortened in proportion', () => {
    expect(generateName('p', 'rc')).toBe('p-rc-')
    const long = generateName('p'.repeat(80), 'c'.repeat(20))
    expect([long.length <= 58, /^p{45}-c{11}-$/.test(long)]).toEqual([true, true])
  })
})

describe('resourceclaim-controller (KEP-4381)', () => {
  let run: TestControllers
  beforeEach(async () => {
    run = await runTestControllers({
      controllers: [resourceClaimController()],
      prepare: async (client) => {
        await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
        await client.resource<Node>(resources.nodes).create({ metadata: { name: 'n' } })
      },
    })
  })
  afterEach(() => run.stop())

  const spec = { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'none' } }] } }
  const makeTemplate = () =>
    run.client
      .resource<ResourceClaimTemplate>(resources.resourceClaimTemplates)
      .create({ metadata: { name: 't', namespace: 'default' }, spec: { metadata: { labels: { l: 'x' } }, spec } })
  const makePod = (more: Partial<NonNullable<Pod['spec']>> = {}) =>
    run.client.resource<Pod>(resources.pods).create({
      metadata: { name: 'p', namespace: 'default' },
      spec: {
        containers: [{ name: 'c', image: 'i' }],
        terminationGracePeriodSeconds: 0,
        resourceClaims: [{ name: 'rc', resourceClaimTemplateName: 't' }],
        ...more,
      },
    })
  const claims = () => run.list<ResourceClaim>(resources.resourceClaims, 'default')

  it('makes one claim from the template that a pod names, whichever came first', async () => {
    await makePod()
    await run.eventually(async () =>
      expect((await run.list<Event>(resources.events)).map(({ reason }) => reason)).toEqual(['FailedResourceClaimCreation']),
    )
    await makeTemplate()
    const pod = await run.eventually(async () => {
      const found = await run.get<Pod>(resources.pods, 'default', 'p')
      expect(found.status?.resourceClaimStatuses).toHaveLength(1)
      return found
    })
    await run.settled()
    const [claim, ...others] = await claims()
    expect(others).toEqual([])
    expect(pod.status?.resourceClaimStatuses).toEqual([{ name: 'rc', resourceClaimName: claim?.metadata.name }])
    expect(claim?.metadata).toMatchObject({
      generateName: 'p-rc-',
      labels: { l: 'x' },
      annotations: { 'resource.kubernetes.io/pod-claim-name': 'rc' },
      ownerReferences: [{ kind: 'Pod', name: 'p', controller: true }],
    })
  })

  it('removes the claim of a pod that has ended', async () => {
    await makeTemplate()
    await makePod({ nodeName: 'n' })
    await run.eventually(async () => expect(await claims()).toHaveLength(1))
    await run.client
      .resource<Pod>(resources.pods)
      .patch('default', 'p', { type: 'merge', body: { status: { phase: 'Succeeded' } } }, { subresource: 'status' })
    await run.eventually(async () => expect(await claims()).toEqual([]))
  })

  it('takes back what a gone pod had: reservation, allocation and finalizer', async () => {
    const resource = run.client.resource<ResourceClaim>(resources.resourceClaims)
    const claim = await resource.create({
      metadata: { name: 'shared', namespace: 'default', finalizers: ['resource.kubernetes.io/delete-protection'] },
      spec,
    })
    const reservedFor = [{ resource: 'pods', name: 'gone', uid: 'u' }]
    await resource.updateStatus({ ...claim, status: { allocation: { devices: {} }, reservedFor } })
    await run.eventually(async () => {
      const { status, metadata } = await resource.get('default', 'shared')
      expect([status?.allocation, status?.reservedFor, metadata.finalizers]).toEqual([undefined, undefined, undefined])
    })
  })
})
