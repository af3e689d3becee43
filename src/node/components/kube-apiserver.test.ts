import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KubeObject } from '../../api/object.js'
import type { RunningComponent } from '../../base/component.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import { resources } from '../../client/resources.js'
import { restClient } from '../../client/rest-client.js'
import { createAuthority, createLeaf, type KeyPair } from '../../pki/certificates.js'
import type { HostedApiServer, HostedDeps } from './component.js'
import { etcd } from './etcd.js'
import { kubeApiserver } from './kube-apiserver.js'
import { freePort } from './testdata/free-port.js'

describe('quorate kube-apiserver', () => {
  const clock = realClock()
  const hosted = new Map<string, HostedApiServer>()
  const deps = (path: string): HostedDeps => ({
    ...{ clock, random: seededRandom(1), logger: silentLogger },
    resolvePath: (file) => join(path, file),
    hostedApiServers: {
      add(address, server) {
        hosted.set(address, server)
        return () => hosted.delete(address)
      },
      find: (address) => hosted.get(address),
    },
  })
  let dir: string
  let store: RunningComponent
  let users: KeyPair
  let proxies: KeyPair
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'quorate-apiserver-'))
    users = await createAuthority('users', { nowMs: clock.now() })
    proxies = await createAuthority('front-proxies', { nowMs: clock.now() })
    writeFileSync(join(dir, 'ca.crt'), users.cert)
    writeFileSync(join(dir, 'front-proxy-ca.crt'), proxies.cert)
    store = etcd.start(['--data-dir=/data', '--listen-client-urls=unix:///s.sock'], deps(dir))
    await store.ready
  })
  afterEach(async () => {
    await store.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  const start = async (...more: string[]) => {
    const port = await freePort()
    const argv = ['--etcd-servers=unix:///s.sock', `--secure-port=${port}`, '--bind-address=127.0.0.1', '--advertise-address=172.18.0.2']
    const flags = ['--client-ca-file=/ca.crt', '--requestheader-client-ca-file=/front-proxy-ca.crt', '--authorization-mode=RBAC']
    const headers = ['--requestheader-username-headers=X-Remote-User', '--requestheader-group-headers=X-Remote-Group']
    const server = kubeApiserver.start([...argv, ...flags, ...headers, ...more], deps(dir))
    await server.ready
    return { server, port }
  }
  const leaf = (authority: KeyPair, commonName: string, organizations: string[]) =>
    createLeaf(authority, { commonName, organizations, usages: ['client'], nowMs: clock.now() })

  it('lets components of its process in without the wire, as whom their certificate names', async () => {
    const { server, port } = await start()
    const found = hosted.get(`172.18.0.2:${port}`)
    expect(found).toBe(hosted.get(`127.0.0.1:${port}`))
    const admin = await leaf(users, 'admin', ['system:masters'])
    const nodes = restClient(found?.transport(admin.cert) as never).resource<KubeObject>(resources.namespaces)
    expect((await nodes.list()).items.map(({ metadata }) => metadata.name)).toContain('kube-system')
    const stranger = await leaf(users, 'stranger', [])
    const asStranger = restClient(found?.transport(stranger.cert) as never).resource<KubeObject>(resources.secrets)
    await expect(asStranger.list()).rejects.toMatchObject({ reason: 'Forbidden' })
    // An authority of proxies makes no users.
    expect(found?.transport((await leaf(proxies, 'admin', ['system:masters'])).cert)).toBeUndefined()
    await server.stop()
    expect(hosted.size).toBe(0)
    expect(found?.gone?.aborted).toBe(true)
  })

  it('believes what a front proxy says of its users, and nobody else', async () => {
    const { server, port } = await start()
    const ask = async (authority: KeyPair) => {
      const { cert, key } = await leaf(authority, 'proxy', [])
      const headers = { 'x-remote-user': 'jane', 'x-remote-group': 'system:masters' }
      return new Promise<number | undefined>((resolve, reject) => {
        const sent = request(
          { host: '127.0.0.1', port, path: '/api/v1/nodes', cert, key, headers, rejectUnauthorized: false },
          (answer) => {
            answer.resume()
            resolve(answer.statusCode)
          },
        )
        sent.once('error', reject).end()
      })
    }
    expect(await ask(proxies)).toBe(200)
    expect(await ask(users)).toBe(403)
    // A certificate of an unknown authority is a wrong credential, not none.
    expect(await ask(await createAuthority('strangers', { nowMs: clock.now() }))).toBe(401)
    await server.stop()
  })
  it('starts three times at once on an empty store', async () => {
    const started = await Promise.all([start(), start(), start()])
    await Promise.all(started.map(({ server }) => server.stop()))
  })
})
