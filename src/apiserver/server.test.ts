import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KubeObject } from '../api/object.js'
import type { ConfigMap, Namespace, Pod, Service } from '../api/types/core-v1.js'
import type { StatusError } from '../api/status.js'
import { silentLogger } from '../base/logger.js'
import { seededRandom } from '../base/random.js'
import { realClock } from '../base/real-clock.js'
import type { Client, WatchEvent } from '../client/client.js'
import { resources } from '../client/resources.js'
import { restClient } from '../client/rest-client.js'
import { openMemoryStore } from '../storage/memory/memory.js'
import { ApiServer } from './server.js'

const admin = { name: 'admin', groups: ['system:masters'] }

describe('API server', () => {
  let server: ApiServer
  let client: Client
  beforeEach(async () => {
    const clock = realClock()
    server = new ApiServer({
      store: openMemoryStore({ clock }),
      clock,
      random: seededRandom(1),
      logger: silentLogger,
      defer: (fn) => setImmediate(fn),
      authentication: { clientCertificates: false, bootstrapTokens: true, anonymous: true },
      authorizationModes: ['Node', 'RBAC'],
      allocation: { serviceCidrs: ['10.96.0.0/12'] },
      limits: { maxRequestsInFlight: 400, maxMutatingRequestsInFlight: 200, maxRequestBytes: 3 * 2 ** 20, requestTimeoutMs: 10_000 },
      self: { ip: '192.0.2.1', port: 6443 },
      gitVersion: 'v1.36.0+quorate.test',
      platform: 'linux/amd64',
    })
    client = restClient(server.transport(admin))
    await server.start()
  })
  afterEach(() => server.stop())

  const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({ metadata: { name, namespace: 'default' }, data })
  const maps = () => client.resource<ConfigMap>(resources.configMaps)

  it('has made the bootstrap objects', async () => {
    const namespaces = await client.resource<Namespace>(resources.namespaces).list()
    expect(namespaces.items.map(({ metadata }) => metadata.name).sort()).toEqual([
      'default',
      'kube-node-lease',
      'kube-public',
      'kube-system',
    ])
    const service = await client.resource<Service>(resources.services).get('default', 'kubernetes')
    expect(service.spec?.clusterIP).toBe('10.96.0.1')
    expect((await client.resource(resources.clusterRoles).list()).items.length).toBeGreaterThan(60)
  })

  it('creates, reads, replaces and deletes, and refuses what is stale', async () => {
    const made = await maps().create(configMap('a', { x: '1' }))
    expect(made).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a', namespace: 'default' }, data: { x: '1' } })
    expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/)
    expect(await maps().get('default', 'a')).toEqual(made)
    await expect(maps().create(configMap('a'))).rejects.toMatchObject({ reason: 'AlreadyExists', code: 409 })
    const updated = await maps().update({ ...made, data: { x: '2' } })
    expect(Number(updated.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion))
    await expect(maps().update({ ...made, data: { x: '3' } })).rejects.toMatchObject({ reason: 'Conflict', code: 409 })
    expect((await maps().update(updated)).metadata.resourceVersion).toBe(updated.metadata.resourceVersion)
    await maps().delete('default', 'a')
    await expect(maps().get('default', 'a')).rejects.toMatchObject({ reason: 'NotFound', code: 404 })
  })

  it('patches in three ways', async () => {
    await maps().create(configMap('p', { x: '1' }))
    expect((await maps().patch('default', 'p', { type: 'merge', body: { data: { y: '2' } } })).data).toEqual({ x: '1', y: '2' })
    expect((await maps().patch('default', 'p', { type: 'json', body: [{ op: 'remove', path: '/data/x' }] })).data).toEqual({ y: '2' })
    expect((await maps().patch('default', 'p', { type: 'strategic', body: { metadata: { labels: { a: 'b' } } } })).metadata.labels).toEqual(
      { a: 'b' },
    )
  })

  it('lists by label and in pages', async () => {
    for (let i = 0; i < 5; i++)
      await maps().create({ metadata: { name: `m${i}`, namespace: 'default', labels: { even: String(i % 2 === 0) } } })
    const even = await maps().list({ namespace: 'default', labelSelector: 'even=true' })
    expect(even.items.map(({ metadata }) => metadata.name)).toEqual(['m0', 'm2', 'm4'])
    const names: (string | undefined)[] = []
    let next: string | undefined
    do {
      const page = await maps().list({ namespace: 'default', limit: 2, continue: next })
      names.push(...page.items.map(({ metadata }) => metadata.name))
      next = page.continue
    } while (next)
    expect(names.filter((name) => name?.startsWith('m'))).toEqual(['m0', 'm1', 'm2', 'm3', 'm4'])
  })

  it('a list whose state has been forgotten goes on with the token of the refusal, over what there is then', async () => {
    for (let i = 0; i < 4; i++) await maps().create(configMap(`m${i}`))
    const first = await maps().list({ namespace: 'default', limit: 2 })
    await maps().delete('default', 'm3')
    const { metadata } = await maps().create(configMap('m4'))
    await server.cacherDeps.store.compact(Number(metadata.resourceVersion))
    const refusal: unknown = await maps()
      .list({ namespace: 'default', limit: 2, continue: first.continue })
      .catch((error: unknown) => error)
    expect(refusal).toMatchObject({ reason: 'Expired', code: 410 })
    const { continue: next } = (refusal as StatusError).status.metadata as { continue: string }
    const rest = await maps().list({ namespace: 'default', continue: next })
    expect([...first.items, ...rest.items].map((object) => object.metadata.name).filter((name) => name?.startsWith('m'))).toEqual([
      ...['m0', 'm1', 'm2', 'm4'],
    ])
  })

  it('watches from a revision, with selector transitions', async () => {
    const { resourceVersion } = await maps().list({ namespace: 'default' })
    const abort = new AbortController()
    const seen: string[] = []
    const reading = (async () => {
      for await (const event of client
        .resource<KubeObject>(resources.configMaps)
        .watch({ namespace: 'default', resourceVersion, labelSelector: 'a=b', signal: abort.signal }) as AsyncIterable<
        WatchEvent<KubeObject>
      >) {
        seen.push(`${event.type} ${event.object.metadata.name}`)
        if (seen.length === 3) return
      }
    })()
    await maps().create(configMap('w'))
    await maps().patch('default', 'w', { type: 'merge', body: { metadata: { labels: { a: 'b' } } } })
    await maps().patch('default', 'w', { type: 'merge', body: { data: { k: 'v' } } })
    await maps().patch('default', 'w', { type: 'merge', body: { metadata: { labels: null } } })
    await reading
    expect(seen).toEqual(['ADDED w', 'MODIFIED w', 'DELETED w'])
  })

  it('keeps objects with finalizers until the last one goes', async () => {
    await maps().create({ metadata: { name: 'f', namespace: 'default', finalizers: ['example.com/hold'] } })
    await maps().delete('default', 'f')
    const going = await maps().get('default', 'f')
    expect(going.metadata.deletionTimestamp).toBeDefined()
    await maps().patch('default', 'f', { type: 'merge', body: { metadata: { finalizers: null } } })
    await expect(maps().get('default', 'f')).rejects.toMatchObject({ reason: 'NotFound' })
  })

  it('defaults and binds a pod, and deletes it gracefully once it runs somewhere', async () => {
    await client.resource(resources.serviceAccounts).create({ metadata: { name: 'default', namespace: 'default' } })
    const pods = client.resource<Pod>(resources.pods)
    const pod = await pods.create({
      metadata: { generateName: 'p-', namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'nginx' }] },
    })
    const { name = '' } = pod.metadata
    expect(name).toMatch(/^p-[a-z0-9]{5}$/)
    expect(pod).toMatchObject({ spec: { restartPolicy: 'Always' }, status: { phase: 'Pending', qosClass: 'BestEffort' } })
    await pods.createSubresource('default', name, 'binding', { metadata: { name }, target: { kind: 'Node', name: 'n1' } })
    expect((await pods.get('default', name)).spec?.nodeName).toBe('n1')
    expect((await pods.list({ fieldSelector: 'spec.nodeName=n1' })).items).toHaveLength(1)
    await pods.delete('default', name)
    expect((await pods.get('default', name)).metadata.deletionGracePeriodSeconds).toBe(30)
    await pods.delete('default', name, { gracePeriodSeconds: 0 })
    await expect(pods.get('default', name)).rejects.toMatchObject({ reason: 'NotFound' })
  })

  it('authorizes by RBAC', async () => {
    const nobody = restClient(server.transport({ name: 'nobody', groups: ['system:authenticated'] }))
    await expect(nobody.resource(resources.pods).list()).rejects.toMatchObject({ code: 403, reason: 'Forbidden' })
    const info = await nobody.raw({ method: 'GET', path: '/version' })
    expect(info.status).toBe(200)
  })

  it('says what was wrong with a bad body', async () => {
    const post = (body: string, query = '') =>
      client.raw({
        method: 'POST',
        path: `/api/v1/namespaces/default/configmaps${query}`,
        body: new TextEncoder().encode(body),
        headers: { 'content-type': 'application/json' },
      })
    expect((await post('{')).status).toBe(400)
    expect((await post('{"metadata":{"name":5}}')).status).toBe(400)
    expect((await post('{"kind":"Pod"}')).status).toBe(400)
    expect((await post('{"metadata":{"name":"Not Valid"}}')).status).toBe(422)
    expect((await post('{"metadata":{"name":"u"},"dta":{}}', '?fieldValidation=Strict')).status).toBe(400)
    expect((await post(JSON.stringify({ data: { x: 'y'.repeat(4 * 2 ** 20) } }))).status).toBe(413)
  })

  it('is ready', async () => {
    const ready = await client.raw({ method: 'GET', path: '/readyz?verbose' })
    expect(new TextDecoder().decode(ready.body)).toContain('[+]poststarthook/rbac/bootstrap-roles ok')
    expect(ready.status).toBe(200)
  })
})
