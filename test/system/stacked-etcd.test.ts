/** Three members of real etcd: one may be lost, two may not, and nothing acknowledged is ever lost. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type TestCluster, upCluster } from '../cluster.js'
import { isOnPath, must } from '../programs.js'

const programs = ['kubectl', 'etcd', 'etcdctl']
const missing = programs.filter((program) => !isOnPath(program))

describe.skipIf(missing.length > 0)(`--etcd stacked (skipped where one of ${programs.join(', ')} is missing)`, () => {
  let cluster: TestCluster
  const acknowledged: string[] = []
  beforeAll(async () => {
    cluster = await upCluster('stacked', '--etcd=stacked', '--workers=1')
  }, 120_000)
  afterAll(async () => cluster?.remove())

  const write = async (name: string) => {
    const made = await cluster.tryKubectl(['create', 'configmap', name, '--request-timeout=20s'])
    if (made.code === 0) acknowledged.push(name)
    return made
  }
  const names = async () => (await cluster.kubectl('get', 'configmaps', '-o', 'jsonpath={.items[*].metadata.name}')).split(' ')

  it('is what etcdctl says it is', async () => {
    expect(await write('first')).toMatchObject({ code: 0 })
    const status = JSON.parse(await cluster.quorate('status', 'stacked', '-o', 'json')) as { store: { members: { endpoint: string }[] } }
    expect(status.store.members).toHaveLength(3)
    const pki = join(cluster.home, 'clusters/stacked/nodes/cp-1/etc/kubernetes/pki')
    const flags = [
      ...[`--endpoints=${status.store.members.map(({ endpoint }) => endpoint).join(',')}`, `--cacert=${join(pki, 'etcd/ca.crt')}`],
      ...[`--cert=${join(pki, 'apiserver-etcd-client.crt')}`, `--key=${join(pki, 'apiserver-etcd-client.key')}`],
    ]
    const keys = await must('etcdctl', [...flags, 'get', '/registry/', '--prefix', '--keys-only'], { env: { ETCDCTL_API: '3' } })
    expect(keys).toContain('/registry/configmaps/default/first\n')
  })

  it('goes on without one member', async () => {
    await cluster.quorate('kill', 'etcd/cp-1')
    await vi.waitFor(async () => expect(await write('second')).toMatchObject({ code: 0 }), { timeout: 20_000, interval: 200 })
  }, 60_000)

  it('refuses writes without a quorum, in time and in clear words, and has lost nothing when it heals', async () => {
    await cluster.quorate('stop', 'cp-1')
    await cluster.quorate('stop', 'cp-2')
    const refused = await write('third')
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toMatch(/etcd|store|timed? ?out|refused/i)
    await cluster.quorate('start', 'cp-1')
    await cluster.quorate('start', 'cp-2')
    await vi.waitFor(async () => expect(await write('fourth')).toMatchObject({ code: 0 }), { timeout: 30_000, interval: 500 })
    expect(await names()).toEqual(expect.arrayContaining(acknowledged))
  }, 150_000)
})
