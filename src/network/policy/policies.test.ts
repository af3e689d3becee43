/** NetworkPolicy (networking.k8s.io/v1) as its documentation words it, by the packets that the compiled ruleset lets through. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { holdChain } from './policies.js'
import { Kernel } from './testdata/kernel.js'
import { isAllowed, type Packet } from './testdata/oracle.js'
import { change, Node, perform, podOf, policyOf } from './testdata/world.js'

const web = '10.0.1.2'
const client = '10.0.1.3'
const other = '10.0.2.4'
const outside = '192.0.2.9'

function node(): Node {
  return new Node()
    .namespace('a', { team: 'red', 'kubernetes.io/metadata.name': 'a' })
    .namespace('b', { team: 'blue', 'kubernetes.io/metadata.name': 'b' })
    .pod(podOf('a/web', [web, 'fd00:1::2'], { labels: { app: 'web' }, ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] }))
    .pod(podOf('a/client', [client, 'fd00:1::3'], { labels: { app: 'client' } }))
    .pod(
      podOf('b/client', [other, 'fd00:2::4'], {
        labels: { app: 'client' },
        local: false,
        ports: [{ name: 'http', protocol: 'TCP', port: 9090 }],
      }),
    )
}

const toWeb = { podSelector: { matchLabels: { app: 'web' } } }

describe('isolation', () => {
  it('is for selected pods alone, and only in the types of the policy', () => {
    const one = node()
      .policy(policyOf('a/deny', { ...toWeb, policyTypes: ['Ingress'] }))
      .commit()
    expect(one.passes(client, web)).toBe(false)
    expect(one.passes(outside, web)).toBe(false)
    expect(one.passes(web, client)).toBe(true)
    expect(one.passes(client, other)).toBe(true)
  })

  it('of an empty selector is for every pod of the namespace', () => {
    const one = node()
      .policy(policyOf('a/deny', { podSelector: {}, policyTypes: ['Egress'] }))
      .commit()
    expect(one.passes(client, other)).toBe(false)
    expect(one.passes(web, outside)).toBe(false)
    expect(one.passes(outside, web)).toBe(true)
  })

  it('without types is for ingress, and for egress when there are egress rules', () => {
    const one = node()
      .policy(policyOf('a/some', { ...toWeb, egress: [{ to: [{ podSelector: {} }] }] }))
      .commit()
    expect(one.passes(client, web)).toBe(false)
    expect(one.passes(web, client)).toBe(true)
    expect(one.passes(web, outside)).toBe(false)
    const two = node()
      .policy(policyOf('a/some', { ...toWeb, ingress: [{}] }))
      .commit()
    expect([two.passes(outside, web), two.passes(web, outside)]).toEqual([true, true])
  })

  it('ends what a pod says to nobody but itself', () => {
    const one = node()
      .policy(policyOf('a/deny', { ...toWeb, policyTypes: ['Ingress', 'Egress'] }))
      .commit()
    expect(one.passes(web, web)).toBe(true)
    expect(one.passes('fd00:1::2', 'fd00:1::2')).toBe(true)
  })

  it('is lifted with the last policy', () => {
    const one = node().commit()
    const before = one.ruleset.size()
    one.policy(policyOf('a/deny', { ...toWeb })).commit()
    expect(one.passes(outside, web)).toBe(false)
    one.policies.deletePolicy('a/deny')
    one.commit()
    expect(one.passes(outside, web)).toBe(true)
    expect(one.ruleset.size()).toEqual(before)
  })

  it('costs nothing for policies that select no pod of the node', () => {
    const one = node().commit()
    const before = one.ruleset.size()
    one.policy(policyOf('b/far', { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] })).commit()
    expect(one.ruleset.size()).toEqual(before)
    expect(one.passes(outside, other)).toBe(true)
  })

  it('holds from the first packet: addresses that are not known yet are held while an isolated pod is on its way', () => {
    const held = (one: Node, direction: 'ingress' | 'egress') => one.kernel.chains.get(holdChain(direction))?.length === 1
    const one = node()
      .pod(podOf('a/new', [], { labels: { app: 'new' } }))
      .commit()
    expect([held(one, 'ingress'), held(one, 'egress')]).toEqual([false, false])
    one.policy(policyOf('a/deny', { podSelector: { matchLabels: { app: 'new' } }, policyTypes: ['Ingress'] })).commit()
    expect([held(one, 'ingress'), held(one, 'egress')]).toEqual([true, false])
    one.pod(podOf('a/new', ['10.0.1.9'], { labels: { app: 'new' } })).commit()
    expect([held(one, 'ingress'), held(one, 'egress')]).toEqual([false, false])
    expect(one.passes(outside, '10.0.1.9')).toBe(false)
    expect(one.kernel.sets.get('known-4')).toContain('10.0.1.9')
  })
})

describe('rules', () => {
  it('of several policies add up', () => {
    const one = node()
      .policy(policyOf('a/one', { ...toWeb, ingress: [{ ports: [{ port: 80 }] }] }))
      .policy(policyOf('a/two', { ...toWeb, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }] }] }))
      .commit()
    expect(one.passes(outside, web, 80)).toBe(true)
    expect(one.passes(outside, web, 81)).toBe(false)
    expect(one.passes(client, web, 81)).toBe(true)
    // A pod selector alone is for the policy's own namespace.
    expect(one.passes(other, web, 81)).toBe(false)
  })

  it('take both selectors of one peer together, and peers one by one', () => {
    const both = { namespaceSelector: { matchLabels: { team: 'blue' } }, podSelector: { matchLabels: { app: 'client' } } }
    const one = node()
      .policy(policyOf('a/both', { ...toWeb, ingress: [{ from: [both] }] }))
      .commit()
    expect([one.passes(other, web), one.passes(client, web)]).toEqual([true, false])
    const [namespaceSelector, podSelector] = [{ namespaceSelector: both.namespaceSelector }, { podSelector: both.podSelector }]
    const two = node()
      .policy(policyOf('a/each', { ...toWeb, ingress: [{ from: [namespaceSelector, podSelector] }] }))
      .commit()
    expect([two.passes(other, web), two.passes(client, web)]).toEqual([true, true])
  })

  it('follow the labels of namespaces and pods', () => {
    const spec = { ...toWeb, ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'green' } } }] }] }
    const one = node().policy(policyOf('a/green', spec)).commit()
    expect(one.passes(other, web)).toBe(false)
    one.namespace('b', { team: 'green' }).commit()
    expect(one.passes(other, web)).toBe(true)
    one.pod(podOf('a/web', [web], { labels: { app: 'other' } })).commit()
    expect(one.passes(outside, web)).toBe(true)
  })

  it('with an ipBlock leave out what it excepts', () => {
    const ipBlock = { cidr: '192.0.2.0/24', except: ['192.0.2.8/29', '192.0.2.128/25'] }
    const one = node()
      .policy(policyOf('a/block', { ...toWeb, ingress: [{ from: [{ ipBlock }] }] }))
      .commit()
    const addresses = ['192.0.2.0', '192.0.2.7', '192.0.2.8', '192.0.2.15', '192.0.2.16', '192.0.2.127', '192.0.2.128', '192.0.3.0']
    expect(addresses.map((from) => one.passes(from, web))).toEqual([true, true, false, false, true, true, false, false])
    expect(one.passes('fd00::1', 'fd00:1::2')).toBe(false)
  })

  it('that except an address let it in by another peer', () => {
    const from = [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }, { ipBlock: { cidr: `${client}/32` } }]
    const one = node()
      .policy(policyOf('a/block', { ...toWeb, ingress: [{ from }] }))
      .commit()
    expect([one.passes(client, web), one.passes(other, web), one.passes(outside, web)]).toEqual([true, false, true])
  })

  it('take ranges, protocols without a port and several protocols', () => {
    const ports = [
      { port: 8000, endPort: 8010 },
      { protocol: 'UDP' as const },
      { protocol: 'SCTP' as const, port: 7 },
      { port: 8005, endPort: 8020 },
    ]
    const one = node()
      .policy(policyOf('a/ports', { ...toWeb, ingress: [{ ports }] }))
      .commit()
    expect([7999, 8000, 8010, 8020, 8021].map((port) => one.passes(outside, web, port))).toEqual([false, true, true, true, false])
    expect([one.passes(outside, web, 1, 'UDP'), one.passes(outside, web, 7, 'SCTP'), one.passes(outside, web, 8, 'SCTP')]).toEqual([
      true,
      true,
      false,
    ])
  })

  it('resolve a named port at the pod that receives', () => {
    const ports = [{ port: 'http' }]
    const one = node()
      .policy(policyOf('a/in', { ...toWeb, ingress: [{ ports }] }))
      .commit()
    expect([8080, 9090].map((port) => one.passes(outside, web, port))).toEqual([true, false])
    const two = node()
      .policy(policyOf('a/out', { ...toWeb, policyTypes: ['Egress'], egress: [{ ports }] }))
      .commit()
    expect([8080, 9090].map((port) => two.passes(web, other, port))).toEqual([false, true])
    const block = [{ ports, to: [{ ipBlock: { cidr: '10.0.2.0/24' } }] }]
    const three = node()
      .policy(policyOf('a/out', { ...toWeb, policyTypes: ['Egress'], egress: block }))
      .commit()
    expect([three.passes(web, other, 9090), three.passes(web, '10.0.2.5', 9090)]).toEqual([true, false])
  })

  it('with a peer that says nothing are for nobody, with no peers for everybody', () => {
    expect(
      node()
        .policy(policyOf('a/x', { ...toWeb, ingress: [{ from: [{}] }] }))
        .commit()
        .passes(client, web),
    ).toBe(false)
    expect(
      node()
        .policy(policyOf('a/x', { ...toWeb, ingress: [{ from: [] }] }))
        .commit()
        .passes(client, web),
    ).toBe(true)
  })

  it('hold in IPv6 as in IPv4', () => {
    const from = [{ podSelector: { matchLabels: { app: 'client' } } }, { ipBlock: { cidr: '2001:db8::/64', except: ['2001:db8::8/125'] } }]
    const one = node()
      .policy(policyOf('a/six', { ...toWeb, ingress: [{ from, ports: [{ port: 'http' }] }] }))
      .commit()
    const passes = (peer: string, port = 8080) => one.passes(peer, 'fd00:1::2', port)
    expect([passes('fd00:1::3'), passes('fd00:2::4'), passes('2001:db8::1'), passes('2001:db8::9'), passes('fd00:1::3', 80)]).toEqual([
      ...[true, false, true, false, false],
    ])
  })
})

describe('an address', () => {
  it('that two pods have one after the other is the newer one’s', () => {
    const one = node()
      .policy(policyOf('a/deny', { ...toWeb }))
      .commit()
    one.pod(podOf('a/next', [web], { labels: { app: 'web' } }))
    one.policies.deletePod('a/web')
    one.commit()
    expect(one.passes(outside, web)).toBe(false)
    one.policies.deletePod('a/next')
    one.commit()
    expect(one.passes(outside, web)).toBe(true)
  })
})

function* packets(): Iterable<Packet> {
  const hosts = [1, 2, 3, 4, 5, 6, 7, 8]
  for (const [net, stranger] of [
    ['10.0.0.', '192.0.2.9'],
    ['fd00::', '2001:db8::9'],
  ] as const) {
    const addresses = [...hosts.map((host) => net + host), stranger]
    for (const from of addresses)
      for (const to of addresses)
        for (const port of [1, 2, 3]) for (const protocol of ['TCP', 'UDP', 'SCTP'] as const) yield { from, to, port, protocol }
  }
}

describe('after any changes', () => {
  it('the ruleset lets through what the documentation says, is one that the kernel takes, and is the one of a fresh start', () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 5, maxLength: 60 }), (changes) => {
        const one = new Node()
        for (const each of changes) perform(one, each)
        one.commit()
        const wrong = [...packets()].filter((packet) => one.kernel.passes(packet) !== isAllowed(one.world, packet))
        expect(wrong).toEqual([])
        const whole = new Kernel()
        whole.apply(one.ruleset.takeWhole())
        expect(contentsOf(whole)).toEqual(contentsOf(one.kernel))
        expect(one.ruleset.take()).toBeUndefined()
        const fresh = new Node()
        for (const [name, found] of one.world.namespaces) fresh.namespace(name, found)
        for (const policy of one.world.policies.values()) fresh.policy(policy)
        for (const pod of one.world.pods.values()) fresh.pod(pod)
        expect(fresh.commit().ruleset.size()).toEqual(one.ruleset.size())
      }),
      { numRuns: 40 },
    )
  }, 60_000)
})

function contentsOf({ sets, chains }: Kernel) {
  return { sets: new Map([...sets].map(([name, elements]) => [name, [...elements].sort()])), chains }
}
