import { describe, expect, it } from 'vitest'
import { testApiServer } from '../../client/testdata/api-server.js'
import { resources } from '../../client/resources.js'
import { createAuthority } from '../../pki/certificates.js'
import { joinCommand } from './join-command.js'
import { generateCertificateKey, generateToken } from './token.js'
import { clusterInfo, createToken, deleteToken, listTokens } from './tokens.js'

const token = { token: 'abcdef.0123456789abcdef', usages: ['authentication'], groups: ['system:bootstrappers:a'], description: 'one' }

describe('random tokens and keys', () => {
  it('have the form that the API and certificates need, and differ', () => {
    expect(generateToken()).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/)
    expect(generateCertificateKey()).toMatch(/^[0-9a-f]{64}$/)
    expect(new Set(Array.from({ length: 100 }, generateToken)).size).toBe(100)
  })
})

describe('the tokens of a cluster', () => {
  it('are made, listed and taken away; an id is there once', async () => {
    const { client, stop } = await testApiServer()
    await client
      .resource(resources.namespaces)
      .create({ metadata: { name: 'kube-system' } })
      .catch(() => undefined)
    await createToken(client, token, 0)
    await expect(createToken(client, token, 0)).rejects.toMatchObject({ code: 'TokenExists' })
    expect(await listTokens(client)).toEqual([{ ...token, expires: undefined }])
    await expect(deleteToken(client, 'nonsense')).rejects.toMatchObject({ code: 'BadUsage' })
    await expect(deleteToken(client, 'zzzzzz')).rejects.toMatchObject({ code: 'TokenUnknown' })
    await deleteToken(client, token.token)
    expect(await listTokens(client)).toEqual([])
    await stop()
  })
})

describe('the command to join', () => {
  it('names the API, the token and the pin of the authority’s public key', async () => {
    const { cert: caPem } = await createAuthority('kubernetes', { nowMs: Date.now() })
    const { client, stop } = await testApiServer()
    await client
      .resource(resources.namespaces)
      .create({ metadata: { name: 'kube-public' } })
      .catch(() => undefined)
    const kubeconfig = JSON.stringify({
      clusters: [
        { name: '', cluster: { server: 'https://api.example:6443', 'certificate-authority-data': Buffer.from(caPem).toString('base64') } },
      ],
    })
    await client
      .resource(resources.configMaps)
      .create({ metadata: { namespace: 'kube-public', name: 'cluster-info' }, data: { kubeconfig } } as never)
    const info = await clusterInfo(client)
    const command = joinCommand({ ...info, token: token.token, certificateKey: 'k' })
    expect(command).toMatch(
      /^quorate join api\.example:6443 --token abcdef\.0123456789abcdef --discovery-token-ca-cert-hash sha256:[0-9a-f]{64} --control-plane --certificate-key k$/,
    )
    await stop()
  })
})
