/** A cluster of `quorate up` for a benchmark: its API through the load balancer, and what all its processes use. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, type ClientHttp2Session } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { command, cpuSeconds, rssMiB } from './processes.js'

const exec = promisify(execFile)

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[]
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[]
}

export class UpCluster {
  readonly #env: Record<string, string>
  readonly #home = mkdtempSync(join(tmpdir(), 'quorate-bench-up-'))
  readonly #name: string
  #session: ClientHttp2Session | undefined

  constructor(name: string) {
    this.#name = name
    this.#env = { ...process.env, QUORATE_HOME: this.#home, KUBECONFIG: join(this.#home, 'kubeconfig') } as Record<string, string>
  }

  async quorate(...args: string[]): Promise<string> {
    const { stdout } = await exec(process.execPath, [command, ...args], { env: this.#env, maxBuffer: 2 ** 26 })
    return stdout
  }

  /** Starts it; resolves when its nodes are Ready. */
  async up(...flags: string[]): Promise<void> {
    await this.quorate('up', this.#name, '--api-port=0', ...flags)
  }

  async remove(): Promise<void> {
    this.#session?.destroy()
    await this.quorate('delete', this.#name)
    rmSync(this.#home, { recursive: true, force: true })
  }

  /** An API request as the cluster's administrator. Throws for an answer that is no success. */
  request<T>(method: string, path: string, body?: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const headers = { ':method': method, ':path': path, 'content-type': 'application/json' }
      const stream = this.#connected().request(headers, { endStream: body === undefined })
      const chunks: Buffer[] = []
      let status = 0
      stream.on('response', (headers) => {
        status = Number(headers[':status'])
      })
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.once('error', reject)
      stream.once('end', () => {
        const text = Buffer.concat(chunks).toString()
        if (status >= 200 && status < 300) resolve(JSON.parse(text) as T)
        else reject(new Error(`${method} ${path} was answered ${status}: ${text.slice(0, 200)}`))
      })
      if (body !== undefined) stream.end(JSON.stringify(body))
    })
  }

  /** Every process of the cluster. */
  async pids(): Promise<number[]> {
    const status = JSON.parse(await this.quorate('status', this.#name, '-o', 'json')) as { processes: { pid?: number }[] }
    return status.processes.flatMap(({ pid }) => pid ?? [])
  }

  async rssMiB(): Promise<number> {
    return (await this.pids()).reduce((sum, pid) => sum + rssMiB(pid), 0)
  }

  async cpuSeconds(): Promise<number> {
    return (await this.pids()).reduce((sum, pid) => sum + cpuSeconds(pid), 0)
  }

  #connected(): ClientHttp2Session {
    if (this.#session && !this.#session.destroyed) return this.#session
    const config = parse(readFileSync(this.#env['KUBECONFIG'] as string, 'utf8')) as Kubeconfig
    const decode = (text: string | undefined) => Buffer.from(text ?? '', 'base64')
    const user = config.users[0]?.user
    this.#session = connect(config.clusters[0]?.cluster.server ?? '', {
      ca: decode(config.clusters[0]?.cluster['certificate-authority-data']),
      cert: decode(user?.['client-certificate-data']),
      key: decode(user?.['client-key-data']),
    })
    this.#session.on('error', () => undefined)
    return this.#session
  }
}
