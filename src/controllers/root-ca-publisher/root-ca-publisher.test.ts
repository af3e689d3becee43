import { afterEach, describe, expect, it } from 'vitest'
import type { ConfigMap } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { rootCaPublisher } from './root-ca-publisher.js'

describe('root-ca-certificate-publisher-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  it('publishes the certificates in each namespace, and puts right what is changed or deleted', async () => {
    const clock = new VirtualClock()
    running = await runTestControllers({ controllers: [rootCaPublisher('PEM')], clock })
    const { client, settled, get } = running
    const maps = client.resource<ConfigMap>(resources.configMaps)
    const published = async () => (await get<ConfigMap>(resources.configMaps, 'default', 'kube-root-ca.crt')).data
    await settled()
    expect(await published()).toEqual({ 'ca.crt': 'PEM' })
    await maps.patch('default', 'kube-root-ca.crt', { type: 'merge', body: { data: { 'ca.crt': 'other', more: 'x' } } })
    await settled()
    expect(await published()).toEqual({ 'ca.crt': 'PEM' })
    await maps.delete('default', 'kube-root-ca.crt')
    await settled()
    expect(await published()).toEqual({ 'ca.crt': 'PEM' })
  })
})
