/** HTTP pages of the process: several plugins and server blocks share an address, and a reload takes one over without a gap. */
import type { HttpPage, Listening, Network } from './sockets/network.js'

export type Page = () => HttpPage

interface Shared {
  readonly listening: Promise<Listening>
  /** The newest of each path answers. */
  readonly pages: Map<string, Page[]>
}

export class HttpHub {
  readonly #network: Network
  readonly #shared = new Map<string, Shared>()

  constructor(network: Network) {
    this.#network = network
  }

  /** Serves a page until the returned function is called. Rejects when the address cannot be had. */
  async serve(host: string, port: number, path: string, page: Page): Promise<{ readonly port: number; close(): Promise<void> }> {
    const key = `${host}\0${port}`
    let shared = this.#shared.get(key)
    if (!shared) {
      const pages = new Map<string, Page[]>()
      shared = { pages, listening: this.#network.http(host, port, (asked) => pages.get(asked)?.at(-1)?.()) }
      this.#shared.set(key, shared)
    }
    const { pages, listening } = shared
    pages.set(path, [...(pages.get(path) ?? []), page])
    const remove = () => {
      const left = (pages.get(path) ?? []).filter((each) => each !== page)
      if (left.length > 0) pages.set(path, left)
      else pages.delete(path)
      if (pages.size === 0 && this.#shared.get(key) === shared) this.#shared.delete(key)
      return pages.size === 0
    }
    try {
      const { port: bound } = await listening
      return {
        port: bound,
        close: async () => {
          if (remove()) await (await listening).close()
        },
      }
    } catch (error) {
      remove()
      throw error
    }
  }
}
