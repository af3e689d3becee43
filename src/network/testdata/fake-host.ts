/** A machine that notes what it is told and has one uplink; nodes of its link are reached directly, others by its router. */
import { CommandError, type NetworkHost } from '../host/host.js'

export class FakeHost implements NetworkHost {
  /** Every command that changes something, with its input, in order. */
  readonly changes: string[] = []
  readonly settings = new Map<string, string>([
    ['net/ipv4/ip_forward', '0'],
    ['net/bridge/bridge-nf-call-iptables', '1'],
    ['net/bridge/bridge-nf-call-ip6tables', '1'],
  ])
  /** Programs that fail, with what they say. */
  readonly failing = new Map<string, string>()
  hasTable = false
  readonly #address: string

  constructor(address: string) {
    this.#address = address
  }

  async run(program: string, argv: readonly string[], input = ''): Promise<string> {
    const failure = this.failing.get(program)
    if (failure !== undefined) throw new CommandError(program, argv, { code: 1, stdout: '', stderr: failure })
    const line = [program, ...argv].join(' ')
    if (line === 'ip -j address show') return JSON.stringify([{ ifname: 'eth0', mtu: 1500, addr_info: [{ local: this.#address }] }])
    if (line === 'ip -j -force -batch -') return input.replace(/route get (\S+)/g, (_, to: string) => reached(to))
    if (line === 'nft -j list tables inet') return JSON.stringify({ nftables: this.hasTable ? [{ table: { name: 'quorate-network' } }] : [] })
    if (argv.includes('-j')) return '[]'
    if (program === 'nft') this.hasTable = true
    this.changes.push(`${line}\n${input}`)
    return ''
  }

  follow(): void {}

  async readSetting(path: string): Promise<string | undefined> {
    return this.settings.get(path)
  }

  async writeSetting(path: string, value: string): Promise<void> {
    this.settings.set(path, value)
  }
}

function reached(to: string): string {
  return JSON.stringify([{ dst: to, dev: 'eth0', ...(to.startsWith('192.0.2.') ? {} : { gateway: '192.0.2.254' }) }])
}
