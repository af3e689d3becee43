/** A daemon of a host, as its init system would run it: its output goes to a file, and it is begun again when the host boots. */
import { existsSync, readFileSync } from 'node:fs'
import type { Host } from './host.js'
import { until } from './shell.js'

export interface ServiceOptions {
  readonly name: string
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Waited for by `start`. Default: that it runs. */
  ready?(): boolean | Promise<boolean>
}

export class Service {
  readonly options: ServiceOptions
  /** Whether a boot starts it. */
  wanted = false
  readonly #host: Host

  constructor(host: Host, options: ServiceOptions) {
    this.#host = host
    this.options = options
  }

  /** Where its output lies in the host; it goes on over restarts. */
  get logPath(): string {
    return `/var/log/${this.options.name}.log`
  }

  /** Its process id as the host counts; undefined: it does not run. */
  get pid(): number | undefined {
    const file = this.#host.path(`/run/${this.options.name}.pid`)
    if (!this.#host.running || !existsSync(file)) return undefined
    const pid = Number(readFileSync(file, 'utf8'))
    return pid > 0 && existsSync(this.#host.path(`/proc/${pid}`)) ? pid : undefined
  }

  log(): string {
    return existsSync(this.#host.path(this.logPath)) ? this.#host.read(this.logPath) : ''
  }

  async start(): Promise<void> {
    this.wanted = true
    const { name, argv, env = {}, ready } = this.options
    if (this.pid === undefined) {
      // Of the host's init, not of the harness: it outlives whoever started it.
      const script = `setsid sh -c 'echo $$ > /run/${name}.pid; exec "$@"' service "$@" >> ${this.logPath} 2>&1 < /dev/null &`
      await this.#host.must(['sh', '-c', script, 'start', ...argv], { env })
    }
    await until(
      `${name} of ${this.#host.name}`,
      async () => this.pid !== undefined && ((await ready?.()) ?? true),
      () => this.log().slice(-2000),
    )
  }

  /** Ends it and leaves it ended, also after a boot. */
  async stop(): Promise<void> {
    this.wanted = false
    await this.end('SIGTERM')
  }

  /** kill -9. A boot or `start` begins it again. */
  kill(): Promise<void> {
    return this.end('SIGKILL')
  }

  async restart(): Promise<void> {
    await this.end('SIGTERM')
    await this.start()
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { pid } = this
    if (pid === undefined) return
    await this.#host.exec(['kill', `-${signal.slice(3)}`, String(pid)])
    await until(`${this.options.name} of ${this.#host.name} to end`, () => this.pid === undefined)
  }
}
