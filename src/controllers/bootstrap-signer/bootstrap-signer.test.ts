import { flattenedVerify } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import type { ConfigMap, Secret } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { bootstrapSignerController } from './bootstrap-signer.js'
import { detachedSignature } from './detached-signature.js'

describe('a detached signature', () => {
  it('is verified by another library, with the content put back', async () => {
    const [header = '', , signature = ''] = (await detachedSignature('hello', { id: 'abcdef', secret: '0123456789abcdef' })).split('.')
    const payload = Buffer.from('hello').toString('base64url')
    const secret = new TextEncoder().encode('0123456789abcdef')
    const { protectedHeader } = await flattenedVerify({ protected: header, payload, signature }, secret)
    expect(protectedHeader).toEqual({ alg: 'HS256', kid: 'abcdef' })
  })
})

describe('bootstrap-signer-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  it('signs cluster-info by each token that is for that, and takes signatures away with their tokens', async () => {
    const clock = new VirtualClock()
    running = await runTestControllers({ controllers: [bootstrapSignerController()], clock })
    const { client, eventually, settled, get } = running
    const secrets = client.resource<Secret>(resources.secrets)
    const make = (id: string, more: Record<string, string>) =>
      secrets.create({
        metadata: { namespace: 'kube-system', name: `bootstrap-token-${id}` },
        type: 'bootstrap.kubernetes.io/token',
        stringData: { 'token-id': id, 'token-secret': '0123456789abcdef', ...more },
      })
    // Signing takes turns of the event loop in which nothing is written.
    const expectKeys = (...keys: string[]) =>
      eventually(async () => {
        const { data = {} } = await get<ConfigMap>(resources.configMaps, 'kube-public', 'cluster-info')
        expect(Object.keys(data).sort()).toEqual(keys)
      })
    const info = {
      metadata: { namespace: 'kube-public', name: 'cluster-info' },
      data: { kubeconfig: 'text', 'jws-kubeconfig-zzzzzz': 'old' },
    }
    await client.resource<ConfigMap>(resources.configMaps).create(info)
    await make('aaaaaa', { 'usage-bootstrap-signing': 'true' })
    await make('bbbbbb', { 'usage-bootstrap-authentication': 'true' })
    await make('cccccc', { 'usage-bootstrap-signing': 'true', expiration: new Date(clock.now() + 60_000).toISOString() })
    await expectKeys('jws-kubeconfig-aaaaaa', 'jws-kubeconfig-cccccc', 'kubeconfig')
    // A write on an outdated copy is tried again at once; then the expiry is waited for.
    await clock.advance(100)
    await settled()
    await clock.advance(61_000)
    await expectKeys('jws-kubeconfig-aaaaaa', 'kubeconfig')
    await secrets.delete('kube-system', 'bootstrap-token-aaaaaa')
    await expectKeys('kubeconfig')
  })
})
