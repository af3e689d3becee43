import { afterEach, describe, expect, it } from 'vitest'
import type { Secret } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { tokenCleanerController } from './token-cleaner.js'

describe('token-cleaner-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  it('deletes bootstrap tokens when they expire, those without an end never', async () => {
    const clock = new VirtualClock()
    running = await runTestControllers({ controllers: [tokenCleanerController()], clock })
    const { client, settled, list } = running
    const make = (id: string, expiration?: string, type = 'bootstrap.kubernetes.io/token') =>
      client.resource<Secret>(resources.secrets).create({
        metadata: { namespace: 'kube-system', name: `bootstrap-token-${id}` },
        type,
        stringData: { 'token-id': id, 'token-secret': '0123456789abcdef', ...(expiration ? { expiration } : {}) },
      })
    await make('aaaaaa', '2020-01-01T00:00:00Z')
    await make('bbbbbb', new Date(clock.now() + 60_000).toISOString())
    await make('cccccc')
    await make('dddddd', '2020-01-01T00:00:00Z', 'Opaque')
    const ids = async () => (await list(resources.secrets, 'kube-system')).map(({ metadata }) => metadata.name?.slice(-6))
    await settled()
    expect(await ids()).toEqual(['bbbbbb', 'cccccc', 'dddddd'])
    await clock.advance(61_000)
    await settled()
    expect(await ids()).toEqual(['cccccc', 'dddddd'])
  })
})
