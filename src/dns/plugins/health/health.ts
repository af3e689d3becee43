/** /health: 200 while the process lives. `lameduck`: it goes on answering for a while after it is told to end. */
import { argsOf, type Link, onlyOne, type Plugin, unknownProperty } from '../../plugin.js'
import { duration, hostPort } from '../../corefile/values.js'

const defaultPort = 8080
const checkEveryMs = 1_000

export const health: Plugin = {
  name: 'health',
  setup(directives, { clock, http, log, metrics, network }): Link {
    const directive = onlyOne(directives)
    const [address = ':8080'] = argsOf(directive, 0, 1)
    const { host, port } = hostPort(directive, address, defaultPort)
    let lameduckMs = 0
    for (const property of directive.block ?? []) {
      if (property.name !== 'lameduck') throw unknownProperty(property)
      lameduckMs = duration(property, argsOf(property, 1)[0])
    }
    const ending = new AbortController()
    let served: { readonly port: number; close(): Promise<void> } | undefined
    /** A process whose own probe takes long is overloaded. */
    const watch = async (bound: number) => {
      while (!ending.signal.aborted) {
        await clock.sleep(checkEveryMs, ending.signal).catch(() => undefined)
        if (ending.signal.aborted) return
        const startedAtMs = clock.monotonic()
        await network.httpStatus(host || '127.0.0.1', bound, '/health', 2_000).catch(() => metrics.healthFailures.inc())
        metrics.healthDuration.observe([], (clock.monotonic() - startedAtMs) / 1000)
      }
    }
    return {
      async prepare() {
        served = await http.serve(host, port, '/health', () => ({ status: 200, body: 'OK' }))
        void watch(served.port)
      },
      async lameduck() {
        if (lameduckMs === 0) return
        log.of('health').info(`Going into lameduck mode for ${lameduckMs / 1000}s`)
        await clock.sleep(lameduckMs)
      },
      async stop() {
        ending.abort()
        await served?.close()
      },
    }
  },
}
