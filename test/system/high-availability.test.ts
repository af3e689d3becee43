/** Any one control plane may die: clients go on through the load balancer, another leader takes over, and the dead one heals. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type TestCluster, upCluster } from '../cluster.js'
import { isOnPath } from '../programs.js'

/** A lease that its holder did not release lasts 15 s, and a candidate looks every 2 s. */
const takeOver = { timeout: 20_000, interval: 200 }

describe.skipIf(!isOnPath('kubectl'))('a control plane that dies (skipped without kubectl)', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await upCluster('ha', '--workers=1')
  })
  afterAll(async () => cluster?.remove())

  const holder = async (component: string) => {
    const identity = await cluster.kubectl('get', 'lease', component, '-n', 'kube-system', '-o', 'jsonpath={.spec.holderIdentity}')
    return identity.split('_')[0] ?? ''
  }
  const deploy = async (name: string) => {
    await cluster.kubectl('create', 'deployment', name, '--image=example.com/main:1')
    await cluster.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=30s')
  }

  it('is survived when it is the leader, and heals when it is started again', async () => {
    await deploy('before')
    const leader = await holder('kube-controller-manager')
    const scheduler = await holder('kube-scheduler')
    await cluster.quorate('kill', leader)
    expect(await cluster.kubectl('get', 'nodes', '--no-headers')).toContain(leader)
    await vi.waitFor(async () => expect(await holder('kube-controller-manager')).not.toBe(leader), takeOver)
    if (scheduler === leader) await vi.waitFor(async () => expect(await holder('kube-scheduler')).not.toBe(leader), takeOver)
    await deploy('during')
    await cluster.quorate('start', leader)
    await cluster.kubectl('wait', `node/${leader}`, '--for=condition=Ready', '--timeout=30s')
    const status = JSON.parse(await cluster.quorate('status', 'ha', '-o', 'json')) as { nodes: { name: string; ready: boolean }[] }
    expect(status.nodes.filter(({ ready }) => ready)).toHaveLength(4)
  }, 90_000)

  it('may be a component alone: another one leads, and the kubelet starts it again', async () => {
    for (const component of ['kube-controller-manager', 'kube-scheduler']) {
      const leader = await holder(component)
      await cluster.quorate('kill', `${component}/${leader}`)
      await vi.waitFor(async () => expect(await holder(component)).not.toBe(''), takeOver)
      await cluster.kubectl('wait', `pod/${component}-${leader}`, '-n', 'kube-system', '--for=condition=Ready', '--timeout=30s')
      await deploy(`after-${component}`)
    }
  }, 120_000)

  it('leaves the endpoints of the kubernetes Service', async () => {
    // Servers on different ports have a slice each: a slice has one list of ports.
    const slices = ['get', 'endpointslices', '-l', 'kubernetes.io/service-name=kubernetes']
    const endpoints = () => cluster.kubectl(...slices, '-o', 'jsonpath={.items[*].endpoints[*].addresses[0]}')
    await vi.waitFor(async () => expect((await endpoints()).trim().split(' ')).toHaveLength(3), takeOver)
    await cluster.quorate('kill', 'cp-3')
    await vi.waitFor(async () => expect((await endpoints()).trim().split(' ')).toHaveLength(2), { timeout: 30_000, interval: 200 })
    await cluster.quorate('start', 'cp-3')
    await vi.waitFor(async () => expect((await endpoints()).trim().split(' ')).toHaveLength(3), takeOver)
  }, 90_000)
})
