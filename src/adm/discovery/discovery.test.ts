import { beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { VirtualClock } from '../../base/virtual-clock.js'
import { ConnectionError, type Transport, type TransportResponse } from '../../client/client.js'
import { detachedSignature } from '../../controllers/bootstrap-signer/detached-signature.js'
import { createAuthority } from '../../pki/certificates.js'
import { authorityHash } from '../tokens/join-command.js'
import { discover, type DiscoveryDeps } from './discovery.js'

const token = 'abcdef.0123456789abcdef'
const [id = '', secret = ''] = token.split('.')
let caPem = ''
let otherPem = ''
beforeAll(async () => {
  caPem = (await createAuthority('kubernetes', { nowMs: Date.now() })).cert
  otherPem = (await createAuthority('kubernetes', { nowMs: Date.now() })).cert
})

const kubeconfig = (ca: string) =>
  stringify({
    clusters: [
      { name: '', cluster: { server: 'https://api.example:6443', 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
    ],
  })

async function info(ca: string, signedWith = secret): Promise<Record<string, string>> {
  const text = kubeconfig(ca)
  return { kubeconfig: text, [`jws-kubeconfig-${id}`]: await detachedSignature(text, { id, secret: signedWith }) }
}

/** Answers one after the other, the last one for ever. */
function deps(
  answers: readonly (Record<string, string> | Error | number)[],
): DiscoveryDeps & { clock: VirtualClock; trusted: (string | undefined)[] } {
  const clock = new VirtualClock()
  const trusted: (string | undefined)[] = []
  let at = 0
  const transport: Transport = {
    async request(): Promise<TransportResponse> {
      const answer = answers[Math.min(at++, answers.length - 1)]
      if (answer instanceof Error) throw answer
      const status = typeof answer === 'number' ? answer : 200
      return { status, headers: {}, body: new TextEncoder().encode(JSON.stringify({ data: answer })) }
    },
    stream: () => Promise.reject(new Error('not used')),
    close: async () => undefined,
  }
  const connect = (_: string, ca: string | undefined) => {
    trusted.push(ca)
    return transport
  }
  return { clock, connect, trusted, read: async () => kubeconfig(caPem) }
}

const by = (hashes: string[] = []) => ({
  bootstrapToken: {
    token,
    apiServerEndpoint: 'api.example:6443',
    ...(hashes.length > 0 ? { caCertHashes: hashes } : { unsafeSkipCAVerification: true }),
  },
})

describe('discovery by token', () => {
  it('trusts what the token has signed and the hash pins, and then asks again over TLS', async () => {
    const made = deps([await info(caPem)])
    expect(await discover(by([authorityHash(caPem)]), '5m0s', made)).toEqual({ server: 'https://api.example:6443', caPem })
    expect(made.trusted).toEqual([undefined, caPem])
  })

  it('refuses at once what another secret has signed, and an authority with another hash', async () => {
    await expect(discover(by(), '5m0s', deps([await info(caPem, 'ffffffffffffffff')]))).rejects.toMatchObject({ code: 'TokenWrong' })
    await expect(discover(by([authorityHash(caPem)]), '5m0s', deps([await info(otherPem)]))).rejects.toMatchObject({
      code: 'AuthorityWrong',
    })
  })

  it('waits for an API that does not answer yet and a token that is not signed yet', async () => {
    const made = deps([new ConnectionError('refused'), 404, { kubeconfig: kubeconfig(caPem) }, await info(caPem)])
    const found = discover(by(), '5m0s', made)
    await made.clock.advance(5_000)
    expect(await found).toMatchObject({ caPem })
  })

  it('gives up in the end and says what stood in the way', async () => {
    const made = deps([{ kubeconfig: kubeconfig(caPem) }])
    const found = expect(discover(by(), '10s', made)).rejects.toMatchObject({
      code: 'DiscoveryTimeout',
      message: expect.stringContaining('token id "abcdef" is not (or no longer) known'),
      remedy: expect.stringContaining('--print-join-command'),
    })
    await made.clock.advance(15_000)
    await found
  })
})

describe('discovery by file', () => {
  it('takes what the file says', async () => {
    expect(await discover({ file: { kubeConfigPath: '/root/cluster.conf' } }, '5m0s', deps([]))).toMatchObject({
      server: 'https://api.example:6443',
    })
  })
})
