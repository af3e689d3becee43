/** Counts queries and answers of the server block, and serves every metric of the process on /metrics. */
import { type Answered, argsOf, type Link, onlyOne, type Plugin, unknownProperty } from '../../plugin.js'
import { hostPort } from '../../corefile/values.js'
import { isIpv4 } from '../../server.js'
import { rcodeName, typeName } from '../../wire/constants.js'

const defaultPort = 9153

export const prometheus: Plugin = {
  name: 'prometheus',
  setup(directives, { http, metrics, plugins, registry, server, zones }): Link {
    const directive = onlyOne(directives)
    const [address = 'localhost:9153'] = argsOf(directive, 0, 1)
    for (const property of directive.block ?? []) throw unknownProperty(property)
    const { host, port } = hostPort(directive, address, defaultPort)
    let served: { close(): Promise<void> } | undefined
    return {
      observe({ query, answer, server: at, zone, sizeBytes, elapsedMs }: Answered) {
        const { transport } = query.client
        const of = [at, zone, '']
        const ofTransport = [at, zone, '', transport]
        metrics.requests.inc([at, zone, '', transport, isIpv4(query.client) ? '1' : '2', label(query.type)])
        metrics.responses.inc([at, zone, '', rcodeName(answer.rcode), answer.plugin ?? ''])
        metrics.requestDuration.observe(of, elapsedMs / 1000)
        metrics.requestSize.observe(ofTransport, query.bytes.length)
        metrics.responseSize.observe(ofTransport, sizeBytes)
        if (query.dnssec) metrics.doRequests.inc(of)
      },
      async prepare() {
        const type = 'text/plain; version=0.0.4; charset=utf-8'
        served = await http.serve(host, port, '/metrics', () => ({ status: 200, type, body: registry.text() }))
      },
      start() {
        for (const zone of zones) for (const name of plugins.keys()) metrics.pluginEnabled.set([server, zone, '', name], 1)
      },
      async stop() {
        for (const zone of zones) for (const name of plugins.keys()) metrics.pluginEnabled.set([server, zone, '', name], 0)
        await served?.close()
      },
    }
  },
}

/** A client must not make a series for each number there is. */
function label(type: number): string {
  const name = typeName(type)
  return name.startsWith('TYPE') ? 'other' : name
}
