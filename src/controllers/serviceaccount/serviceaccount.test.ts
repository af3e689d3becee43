import { afterEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { serviceAccountController } from './serviceaccount.js'

describe('serviceaccount-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())
  const start = async () => (running = await runTestControllers({ controllers: [serviceAccountController()], clock: new VirtualClock() }))

  it('gives each namespace its default account, old and new', async () => {
    const { client, settled, get } = await start()
    await client.resource(resources.namespaces).create({ metadata: { name: 'new' } })
    await settled()
    for (const namespace of ['default', 'kube-system', 'new'])
      expect((await get(resources.serviceAccounts, namespace, 'default')).metadata.name).toBe('default')
  })

  it('makes a deleted one anew, but not in a namespace that is going', async () => {
    const { client, settled, get } = await start()
    await client.resource(resources.namespaces).create({ metadata: { name: 'new' } })
    await settled()
    const { uid } = (await get(resources.serviceAccounts, 'new', 'default')).metadata
    await client.resource(resources.serviceAccounts).delete('new', 'default')
    await settled()
    expect((await get(resources.serviceAccounts, 'new', 'default')).metadata.uid).not.toBe(uid)
    await client.resource(resources.namespaces).delete('', 'new')
    await settled()
    await client.resource(resources.serviceAccounts).delete('new', 'default')
    await settled()
    await expect(get(resources.serviceAccounts, 'new', 'default')).rejects.toMatchObject({ reason: 'NotFound' })
  })
})
