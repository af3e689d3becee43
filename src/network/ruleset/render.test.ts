/** What is written is what nft reads and what the kernel then has: random histories, in a network namespace of their own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { change, Node, perform, podOf, policyOf } from '../policy/testdata/world.js'
import { baseChains } from './base-chains.js'
import { renderChange } from './render.js'

const missing =
  process.getuid?.() !== 0 ? 'needs root' : ['/usr/sbin/nft', '/usr/bin/unshare'].every(existsSync) ? undefined : 'needs nft and unshare'
const base = (bridge: string) => baseChains({ families: ['IPv4', 'IPv6'], bridge, masquerade: true, policies: true })
const emptySets = ['local-ranges-4', 'local-ranges-6', 'pod-ranges-4', 'pod-ranges-6']

describe('a transaction', () => {
  const textOf = (one: Node) => renderChange(one.commit().changes.at(-1) as NonNullable<Node['changes'][number]>, '')
  const node = () => new Node().pod(podOf('a/web', ['10.0.0.1'], { labels: { app: 'web' } })).commit()
  const table = 'inet quorate-network'

  it('writes conditions in nft’s words', () => {
    const one = node().policy(
      policyOf('a/p', {
        podSelector: {},
        ingress: [
          {
            from: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }, { ipBlock: { cidr: '::/0' } }],
            ports: [{ port: 80, endPort: 90 }, { port: 443 }, { protocol: 'SCTP' }],
          },
        ],
      }),
    )
    const v4 = 'ip saddr { 0.0.0.0-9.255.255.255, 11.0.0.0-255.255.255.255 }'
    const rule = (condition: string) => `add rule ${table} ingress-pods-1 ${condition} return comment "a/p"`
    expect(textOf(one).split('\n')).toEqual([
      `add chain ${table} ingress-pods-1`,
      rule(`${v4} meta l4proto sctp`),
      rule(`${v4} tcp dport { 80-90, 443 }`),
      rule('meta nfproto ipv6 meta l4proto sctp'),
      rule('meta nfproto ipv6 tcp dport { 80-90, 443 }'),
      `add rule ${table} ingress-pods-1 counter drop`,
      `add element ${table} ingress-4 { 10.0.0.1 : jump ingress-pods-1 }`,
      '',
    ])
  })

  it('of a pod that changes chains takes its old element away and gives it the new one', () => {
    const one = node()
      .policy(policyOf('a/p', { podSelector: {} }))
      .commit()
      .policy(policyOf('a/q', { podSelector: {} }))
    expect(textOf(one).split('\n')).toEqual([
      `add chain ${table} ingress-pods-2`,
      `add rule ${table} ingress-pods-2 counter drop`,
      `delete element ${table} ingress-4 { 10.0.0.1 }`,
      `add element ${table} ingress-4 { 10.0.0.1 : jump ingress-pods-2 }`,
      `flush chain ${table} ingress-pods-1`,
      `delete chain ${table} ingress-pods-1`,
      '',
    ])
  })
})

describe.skipIf(missing !== undefined)(`the kernel${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let holder: ChildProcess
  beforeAll(async () => {
    holder = spawn('unshare', ['-n', 'sh', '-c', 'echo up; exec sleep 600'], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(holder.stdout as NonNullable<typeof holder.stdout>, 'data')
  })
  afterAll(() => holder.kill('SIGKILL'))
  const nft = (argv: readonly string[], input = '') =>
    execFileSync('nsenter', ['-t', String(holder.pid), '-n', 'nft', ...argv], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })

  /** Names of sets with how many elements they have, and of chains with how many rules. */
  const listed = () => {
    const counts = new Map<string, number>()
    const { nftables } = JSON.parse(nft(['-j', 'list', 'table', 'inet', 'quorate-network'])) as {
      nftables: Record<string, { name?: string; chain?: string; elem?: unknown[] }>[]
    }
    for (const entry of nftables)
      for (const [kind, { name = '', chain = '', elem = [] }] of Object.entries(entry)) {
        if (kind === 'set' || kind === 'map') counts.set(name, elem.length)
        if (kind === 'chain') counts.set(name, 0)
        if (kind === 'rule') counts.set(chain, (counts.get(chain) ?? 0) + 1)
      }
    for (const name of ['forward', 'postrouting', ...emptySets]) counts.delete(name)
    return counts
  }

  it('takes every change, and has in the end what is wanted', () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 20, maxLength: 60 }), (changes) => {
        const one = new Node()
        for (const name of emptySets) one.ruleset.define({ name, type: name.endsWith('4') ? 'ipv4_addr' : 'ipv6_addr', interval: true })
        one.policies.settle()
        nft(['-f', '-'], renderChange(one.ruleset.takeWhole(), base('cni0')))
        one.kernel.apply({ ...one.ruleset.takeWhole(), whole: true })
        for (const each of changes) perform(one, each)
        one.commit()
        for (const each of one.changes) nft(['-f', '-'], renderChange(each, ''))
        const { sets, chains } = one.kernel
        const wanted = new Map([...sets].map(([name, { size }]) => [name, size]))
        for (const [name, { length }] of chains) wanted.set(name, length)
        for (const name of emptySets) wanted.delete(name)
        expect([...listed()].sort()).toEqual([...wanted].sort())
      }),
      { numRuns: 15 },
    )
  }, 60_000)
})
