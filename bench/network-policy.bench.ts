/**
 * NetworkPolicies of a node with 110 pods of its own among 1,000 and 10,000 pods of the cluster, written into a network namespace of
 * its own (needs root and nft): the whole table, then one policy and one pod changed, until the kernel has it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { localHost } from '../src/network/host/local-host.js'
import { RulesetKeeper } from '../src/network/ruleset/keeper.js'
import type { PolicyPod } from '../src/network/policy/pod.js'
import { clock, figure, median } from './processes.js'

const localPods = 110
const namespaces = 50
const policies = 200
const rounds = 10

function pod(i: number): PolicyPod {
  const text = `10.${64 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`
  return {
    ...{ key: `n${i % namespaces}/pod-${i}`, namespace: `n${i % namespaces}`, labels: { app: `app-${i % 20}`, tier: `tier-${i % 3}` } },
    ...{ addresses: [{ family: 'IPv4', text }], ports: [{ name: 'http', protocol: 'TCP', port: 8080 }], local: i < localPods },
  }
}

function policy(i: number, port: number | string = 'http') {
  const from = [{ namespaceSelector: { matchLabels: { team: `team-${i % 5}` } }, podSelector: { matchLabels: { app: `app-${i % 20}` } } }]
  return {
    metadata: { namespace: `n${i % namespaces}`, name: `policy-${i}` },
    spec: { podSelector: { matchLabels: { tier: `tier-${i % 3}` } }, ingress: [{ from, ports: [{ port }] }] },
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const fromMs = performance.now()
  await work()
  return performance.now() - fromMs
}

async function measure(namespace: ChildProcess, podCount: number): Promise<void> {
  const host = localHost({ clock, enter: ['nsenter', '-t', String(namespace.pid), '-n'] })
  const options = { nodeName: 'one', bridge: 'cni0', masquerade: true, policies: true, families: ['IPv4'] as const }
  const keeper = new RulesetKeeper({ ...options, host })
  const whole = await timed(() => {
    for (let i = 0; i < namespaces; i++) keeper.policies.setNamespace(`n${i}`, { team: `team-${i % 5}` })
    for (let i = 0; i < policies; i++) keeper.policies.setPolicy(policy(i))
    for (let i = 0; i < podCount; i++) keeper.policies.setPod(pod(i))
    return keeper.write()
  })
  figure(`${policies} policies, ${podCount} pods: whole table`, whole, 'ms')
  const changes: number[] = []
  const pods: number[] = []
  for (let i = 0; i < rounds; i++) {
    changes.push(
      await timed(() => {
        keeper.policies.setPolicy(policy(0, 8000 + i))
        return keeper.write()
      }),
    )
    pods.push(
      await timed(() => {
        keeper.policies.setPod(pod(podCount + i))
        return keeper.write()
      }),
    )
  }
  figure(`${podCount} pods: one policy changed`, median(changes), 'ms')
  figure(`${podCount} pods: one pod more`, median(pods), 'ms')
}

async function main(): Promise<void> {
  if (process.getuid?.() !== 0) return console.log('skipped: needs root')
  const namespace = spawn('unshare', ['-n', 'sh', '-c', 'echo up; exec sleep 600'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(namespace.stdout, 'data')
  try {
    for (const podCount of [1_000, 10_000]) await measure(namespace, podCount)
  } finally {
    namespace.kill('SIGKILL')
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
