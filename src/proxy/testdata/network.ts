/**
 * A node's network in namespaces of its own: a node with a veth to each pod and to a host outside, an agent process in each that
 * serves and calls. It needs root and leaves nothing behind after `remove`.
 *
 *   outside 192.0.2.2 ── 192.0.2.1 node 10.244.0.1 ── local 10.244.0.2, other pods 10.244.N.2 (all with an fd00: address alike)
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { type RunProgram, runProgram } from '../program.js'

/** Why packets cannot be tested here; '' when they can. */
export function missingForPackets(): string {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux'
  const missing = ['ip', 'nft', 'conntrack', 'sysctl'].filter((program) => !isOnPath(program))
  return missing.length > 0 ? `needs ${missing.join(', ')}` : ''
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

type AgentProcess = ChildProcessByStdio<Writable, Readable, null>

export class Agent {
  readonly #process: AgentProcess
  readonly #waiting = new Map<number, (answer: string) => void>()
  #next = 0

  constructor(
    readonly namespace: string,
    name: string,
  ) {
    // Tests and benchmarks run from the root of the project.
    const script = resolve('src/proxy/testdata/agent.mjs')
    this.#process = spawn('ip', ['netns', 'exec', namespace, process.execPath, script, name], { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      const { id, answer } = JSON.parse(line) as { id: number; answer: string }
      this.#waiting.get(id)?.(answer)
      this.#waiting.delete(id)
    })
  }

  serve = (port: number) => this.#ask('serve', { port })
  /** What the server said, 'timeout', or the error's code. */
  tcp = (host: string, port: number, more: { from?: string; timeoutMs?: number } = {}) => this.#ask('tcp', { host, port, ...more })
  udp = (host: string, port: number, more: { sourcePort?: number; timeoutMs?: number } = {}) => this.#ask('udp', { host, port, ...more })

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('close', resolve))
    this.#process.kill('SIGKILL')
    await ended
  }

  #ask(command: string, rest: object): Promise<string> {
    const id = this.#next++
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#process.stdin.write(`${JSON.stringify({ id, command, ...rest })}\n`)
    })
  }
}

const run = runProgram()
/** Redirects and the rate limit of ICMP errors would make a refusal late by chance. */
const quietIcmp = ['net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0', 'net.ipv4.conf.all.send_redirects=0', 'net.ipv4.conf.default.send_redirects=0']
const prefix = `kp${process.pid}x${Math.trunc(performance.now())}`

export class TestNetwork {
  readonly #agents = new Map<string, Agent>()
  readonly #namespaces: string[] = []
  readonly #name: string

  private constructor(name: string) {
    this.#name = `${prefix}${name}`
  }

  /** `pods` have the addresses 10.244.N.2 and fd00:N::2 by their place in the list; they serve on 8080. */
  static async create(name: string, pods: readonly string[]): Promise<TestNetwork> {
    const network = new TestNetwork(name)
    try {
      await network.#make(pods)
      return network
    } catch (error) {
      await network.remove()
      throw error
    }
  }

  /** Runs programs on the node. */
  get onNode(): RunProgram {
    return runProgram({ prefix: ['ip', 'netns', 'exec', this.namespace('node')] })
  }

  namespace(of: string): string {
    return `${this.#name}-${of}`
  }

  agent(of: string): Agent {
    return this.#agents.get(of) as Agent
  }

  async remove(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.end()))
    for (const namespace of this.#namespaces) await run('ip', ['netns', 'del', namespace])
  }

  async #make(pods: readonly string[]): Promise<void> {
    for (const each of ['node', 'outside', ...pods]) await this.#addNamespace(each)
    await this.onNode('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', ...quietIcmp])
    await this.#link('outside', { near: ['192.0.2.1/24', '2001:db8::1/64'], far: ['192.0.2.2/24', '2001:db8::2/64'] }, ['192.0.2.1', '2001:db8::1'])
    for (const [at, pod] of pods.entries())
      await this.#link(pod, { near: [`10.244.${at}.1/24`, `fd00:${at}::1/64`], far: [`10.244.${at}.2/24`, `fd00:${at}::2/64`] }, [`10.244.${at}.1`, `fd00:${at}::1`])
    // Service addresses need any route at all to be looked at; the node has its default route outside.
    await run('ip', ['-n', this.namespace('node'), 'route', 'add', 'default', 'via', '192.0.2.2'])
    await run('ip', ['-n', this.namespace('node'), '-6', 'route', 'add', 'default', 'via', '2001:db8::2'])
    for (const each of ['node', 'outside', ...pods]) this.#agents.set(each, new Agent(this.namespace(each), each))
    await Promise.all(pods.map((pod) => this.agent(pod).serve(8080)))
  }

  async #addNamespace(name: string): Promise<void> {
    const namespace = this.namespace(name)
    await run('ip', ['netns', 'add', namespace])
    this.#namespaces.push(namespace)
    // An address that is still being checked for duplicates answers nobody for its first second.
    const quick = ['net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0']
    await run('ip', ['netns', 'exec', namespace, 'sysctl', '-qw', ...quick])
    await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up'])
  }

  async #link(to: string, addresses: { near: string[]; far: string[] }, gateways: readonly string[]): Promise<void> {
    const [node, other] = [this.namespace('node'), this.namespace(to)]
    await run('ip', ['-n', node, 'link', 'add', `v-${to}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', other])
    for (const [namespace, link, own] of [[node, `v-${to}`, addresses.near] as const, [other, 'eth0', addresses.far] as const]) {
      for (const address of own)
        await run('ip', ['-n', namespace, 'addr', 'add', address, 'dev', link, ...(address.includes(':') ? ['nodad'] : [])])
      await run('ip', ['-n', namespace, 'link', 'set', link, 'up'])
    }
    for (const gateway of gateways)
      await run('ip', ['-n', other, ...(gateway.includes(':') ? ['-6'] : []), 'route', 'add', 'default', 'via', gateway])
  }
}
