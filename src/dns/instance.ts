/**
 * The running server: takes a Corefile over while it serves. What listens stays open across a change; a Corefile that cannot be
 * used leaves everything as it is.
 */
import { createHash } from 'node:crypto'
import { assert, messageOf } from '../base/errors.js'
import { type Configured, configure } from './chain.js'
import { type CorefileOptions, parseCorefile } from './corefile/corefile.js'
import { CorefileError } from './corefile/error.js'
import { HttpHub } from './http-hub.js'
import type { DnsDeps } from './plugin.js'
import type { DnsServer } from './server.js'
import type { Listening } from './sockets/network.js'

export interface InstanceOptions extends Omit<DnsDeps, 'http' | 'checkCorefile'> {
  /** The Corefile now. Throws when it cannot be read. */
  readCorefile(): CorefileOptions
  /** "CoreDNS-…" lines and the like, once it listens. */
  readonly banner: readonly string[]
  readonly quiet: boolean
}

interface Socket {
  readonly listening: Listening
  /** Who answers. */
  server: DnsServer
}

export class DnsInstance {
  readonly #options: InstanceOptions
  readonly #deps: DnsDeps
  readonly #sockets = new Map<string, Socket>()
  #running: Configured | undefined
  #hash = ''
  #refused = ''
  #busy: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: InstanceOptions) {
    this.#options = options
    this.#deps = { ...options, http: new HttpHub(options.network), checkCorefile: () => this.checkCorefile() }
  }

  /** The ports that are listened on, in the order of the Corefile. */
  get ports(): readonly number[] {
    return [...this.#sockets.values()].map(({ listening }) => listening.port)
  }

  /** Rejects with what is wrong: CorefileError, ListenFailed, or a plugin's. */
  async start(): Promise<void> {
    const { log, banner, quiet } = this.#options
    const read = this.#read()
    assert(read, 'nothing runs yet')
    await this.#take(read.configured, read.hash)
    if (quiet) return
    for (const { host, server, zones } of read.configured.endpoints)
      for (const zone of zones) log.line(`${zone}:${server.port}${host === '' ? '' : ` on ${host}`}`)
    this.#logHash()
    for (const line of banner) log.line(line)
  }

  /** One after the other; never rejects. */
  checkCorefile(): Promise<void> {
    this.#busy = this.#busy.then(() => this.#check())
    return this.#busy
  }

  async stop({ crash = false } = {}): Promise<void> {
    this.#stopped = true
    const running = this.#running
    if (running && !crash) {
      running.instance.ending = true
      await Promise.all(running.instance.links.map(({ link }) => link.lameduck?.() ?? Promise.resolve()))
    }
    if (running) await stopLinks(running)
    await Promise.all([...this.#sockets.values()].map(({ listening }) => listening.close()))
    this.#sockets.clear()
  }

  /** undefined: what runs already is what it says. */
  #read(): { readonly configured: Configured; readonly hash: string } | undefined {
    const options = this.#options.readCorefile()
    // What is imported counts: all that was read.
    const digest = createHash('sha512').update(options.text)
    const blocks = parseCorefile({
      ...options,
      readFiles: (pattern, from) => {
        const files = options.readFiles(pattern, from)
        for (const { text } of files) digest.update(text)
        return files
      },
    })
    const hash = digest.digest('hex')
    if (hash === this.#hash) return undefined
    if (blocks.length === 0) throw new CorefileError({ file: options.file, line: 1 }, 'there is no server block')
    return { configured: configure(blocks, this.#deps), hash }
  }

  /** The new one listens and is ready before the old one is let go. */
  async #take(configured: Configured, hash: string): Promise<void> {
    const opened: string[] = []
    try {
      for (const { link } of configured.instance.links) await link.prepare?.()
      for (const { host, port, server } of configured.endpoints) {
        const key = `${host}\0${port}`
        if (this.#sockets.has(key)) continue
        const socket: Socket = {
          server,
          listening: await this.#options.network.listen(host, port, (...query) => socket.server.serve(...query)),
        }
        this.#sockets.set(key, socket)
        opened.push(key)
      }
    } catch (error) {
      for (const key of opened) await this.#close(key)
      await stopLinks(configured)
      throw error
    }
    const wanted = new Set<string>()
    for (const { host, port, server } of configured.endpoints) {
      const key = `${host}\0${port}`
      const socket = this.#sockets.get(key) as Socket
      server.port = socket.listening.port
      socket.server = server
      wanted.add(key)
    }
    const old = this.#running
    this.#running = configured
    this.#hash = hash
    for (const key of [...this.#sockets.keys()]) if (!wanted.has(key)) await this.#close(key)
    if (old) await stopLinks(old)
    for (const { link } of configured.instance.links) await link.start?.()
  }

  async #close(key: string): Promise<void> {
    const socket = this.#sockets.get(key)
    this.#sockets.delete(key)
    await socket?.listening.close()
  }

  async #check(): Promise<void> {
    if (this.#stopped) return
    const { log, metrics } = this.#options
    try {
      const changed = this.#read()
      if (!changed) {
        this.#refused = ''
        return
      }
      log.info('Reloading')
      await this.#take(changed.configured, changed.hash)
      this.#logHash()
      log.info('Reloading complete')
    } catch (error) {
      metrics.reloadFailed.inc()
      // Said once for each text, not at every look.
      const text = messageOf(error)
      if (text !== this.#refused) log.of('reload').error(`Corefile changed but reload failed: ${text}`)
      this.#refused = text
    }
  }

  #logHash(): void {
    const { log, metrics } = this.#options
    metrics.reloadVersion.set(['sha512', this.#hash], 1)
    log.of('reload').info(`Running configuration SHA512 = ${this.#hash}`)
  }
}

async function stopLinks({ instance }: Configured): Promise<void> {
  for (const { link } of [...instance.links].reverse()) await link.stop?.()
}
