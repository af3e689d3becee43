import { afterEach, describe, expect, it } from 'vitest'
import type { Secret, ServiceAccount } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { fromBase64, toBase64 } from '../common/base64.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { serviceAccountTokenController } from './serviceaccount-token.js'
import { filled, tokenSecretType } from './token-secret.js'

const account: ServiceAccount = { metadata: { namespace: 'default', name: 'a', uid: 'u' } }
const secret: Secret = {
  metadata: { namespace: 'default', name: 't', annotations: { 'kubernetes.io/service-account.name': 'a' } },
  type: tokenSecretType,
}
const options = { rootCa: 'PEM', sign: (claims: object) => JSON.stringify(claims) }

describe('a token Secret', () => {
  it('gets what it lacks, and the claims of a token that lasts', () => {
    const complete = filled(secret, account, options)
    expect(complete?.metadata.annotations?.['kubernetes.io/service-account.uid']).toBe('u')
    expect(complete?.data).toMatchObject({ 'ca.crt': toBase64('PEM'), namespace: toBase64('default') })
    expect(JSON.parse(fromBase64(complete?.data?.['token']))).toEqual({
      iss: 'kubernetes/serviceaccount',
      'kubernetes.io/serviceaccount/namespace': 'default',
      'kubernetes.io/serviceaccount/secret.name': 't',
      'kubernetes.io/serviceaccount/service-account.name': 'a',
      'kubernetes.io/serviceaccount/service-account.uid': 'u',
      sub: 'system:serviceaccount:default:a',
    })
    expect(complete && filled(complete, account, options)).toBeUndefined()
  })

  it('keeps its token when the certificates change', () => {
    const complete = filled(secret, account, options) as Secret
    const renewed = filled(complete, account, { ...options, rootCa: 'NEW' })
    expect(renewed?.data?.['token']).toBe(complete.data?.['token'])
    expect(renewed?.data?.['ca.crt']).toBe(toBase64('NEW'))
  })
})

describe('serviceaccount-token-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  it('fills Secrets, mends them, and deletes those of an account that is gone', async () => {
    running = await runTestControllers({ controllers: [serviceAccountTokenController(options)], clock: new VirtualClock() })
    const { client, settled, get } = running
    const accounts = client.resource<ServiceAccount>(resources.serviceAccounts)
    const secrets = client.resource<Secret>(resources.secrets)
    const keys = async () => Object.keys((await get<Secret>(resources.secrets, 'default', 't')).data ?? {}).sort()
    await accounts.create({ metadata: { namespace: 'default', name: 'a' } })
    await secrets.create(secret)
    await settled()
    expect(await keys()).toEqual(['ca.crt', 'namespace', 'token'])
    await secrets.patch('default', 't', { type: 'merge', body: { data: { token: null } } })
    await settled()
    expect(await keys()).toEqual(['ca.crt', 'namespace', 'token'])
    await accounts.delete('default', 'a')
    await settled()
    await expect(secrets.get('default', 't')).rejects.toMatchObject({ reason: 'NotFound' })
  })

  it('deletes a Secret of an account that never was, and takes deleted Secrets off the account', async () => {
    running = await runTestControllers({ controllers: [serviceAccountTokenController(options)], clock: new VirtualClock() })
    const { client, settled, get } = running
    const secrets = client.resource<Secret>(resources.secrets)
    await secrets.create(secret)
    await settled()
    await expect(secrets.get('default', 't')).rejects.toMatchObject({ reason: 'NotFound' })
    const named: ServiceAccount = { metadata: { namespace: 'default', name: 'a' }, secrets: [{ name: 't' }, { name: 'other' }] }
    await client.resource<ServiceAccount>(resources.serviceAccounts).create(named)
    await secrets.create(secret)
    await settled()
    await secrets.delete('default', 't')
    await settled()
    expect((await get<ServiceAccount>(resources.serviceAccounts, 'default', 'a')).secrets).toEqual([{ name: 'other' }])
  })
})
