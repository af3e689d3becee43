/** An API server on a loopback port behind a wire that can be cut or held still, with certificates for it and its clients. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { ClientCertificates } from '../../../apiserver/http/certificate.js'
import { listen } from '../../../apiserver/http/listen.js'
import { realClock } from '../../../base/real-clock.js'
import { createAuthority, createLeaf, createSigningKey, type KeyPair } from '../../../pki/certificates.js'
import { type TestApiServer, testApiServer } from '../../testdata/api-server.js'

export interface ServedApi {
  readonly api: TestApiServer
  readonly ca: KeyPair
  /** A client certificate of system:masters. */
  readonly admin: KeyPair
  readonly port: number
  /** Connections made so far. */
  connections(): number
  /** Breaks every connection. */
  cut(): void
  /** Nothing passes any more on the present connections, which stay open. */
  freeze(): void
  /** While false, new connections are refused. */
  accept(yes: boolean): void
  stop(): Promise<void>
}

/** `ip`: an address besides 127.0.0.1 that the server's certificate is for. */
export async function serveTestApi(ip = '172.18.0.2'): Promise<ServedApi> {
  const clock = realClock()
  const nowMs = clock.now()
  const issuer = 'https://kubernetes.default.svc.cluster.local'
  const signing = await createSigningKey()
  const api = await testApiServer(clock, {
    authentication: {
      ...{ clientCertificates: true, bootstrapTokens: true, anonymous: true },
      serviceAccounts: { issuers: [issuer], keyPems: [signing.publicKey], signingKeyPem: signing.key },
    },
  })
  const ca = await createAuthority('test', { nowMs })
  const serving = await createLeaf(ca, { commonName: 'api', usages: ['server'], ipAddresses: ['127.0.0.1', ip], nowMs })
  const admin = await createLeaf(ca, { commonName: 'admin', organizations: ['system:masters'], usages: ['client'], nowMs })
  const listening = await listen({
    ...{ host: '127.0.0.1', port: 0, cert: serving.cert, key: serving.key, maxRequestBytes: 3 * 2 ** 20 },
    clientCertificates: new ClientCertificates({ users: ca.cert }),
    handle: (request, responder) => api.server.handle(request, responder),
  })
  const pairs = new Set<readonly [Socket, Socket]>()
  let accepting = true
  let connections = 0
  const wire = createServer((near) => {
    if (!accepting) return near.destroy()
    connections++
    const far = connect(listening.port, '127.0.0.1')
    const pair = [near, far] as const
    pairs.add(pair)
    for (const socket of pair) {
      socket.on('error', () => undefined)
      socket.once('close', () => {
        pairs.delete(pair)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    far.pipe(near)
    return undefined
  })
  await new Promise<void>((resolve) => wire.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    for (const [near, far] of pairs) {
      near.destroy()
      far.destroy()
    }
  }
  return {
    ...{ api, ca, admin, port: (wire.address() as AddressInfo).port, cut },
    connections: () => connections,
    freeze() {
      for (const [near, far] of pairs) {
        near.unpipe(far).pause()
        far.unpipe(near).pause()
      }
    },
    accept: (yes) => void (accepting = yes),
    async stop() {
      cut()
      wire.close()
      await listening.close(0)
      await api.stop()
    },
  }
}
