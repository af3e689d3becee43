/** /ready: 200 once every plugin of every server block that can tell says that it is; else 503 with the names of the others. */
import { argsOf, fault, type Link, onlyOne, type Plugin, unknownProperty } from '../../plugin.js'
import { hostPort } from '../../corefile/values.js'

const defaultPort = 8181

export const ready: Plugin = {
  name: 'ready',
  setup(directives, { http, instance, log }): Link {
    const directive = onlyOne(directives)
    const [address = ':8181'] = argsOf(directive, 0, 1)
    const { host, port } = hostPort(directive, address, defaultPort)
    let continuously = false
    for (const property of directive.block ?? []) {
      if (property.name !== 'monitor') throw unknownProperty(property)
      const [how = ''] = argsOf(property, 1)
      if (how !== 'until-ready' && how !== 'continuously') throw fault(property, `invalid argument for monitor: '${how}'`)
      continuously = how === 'continuously'
    }
    const done = new Set<Link>()
    let served: { close(): Promise<void> } | undefined
    const waiting = () =>
      instance.links.flatMap(({ name, link }) => {
        if (!link.ready || (!continuously && done.has(link))) return []
        if (!link.ready()) return [name]
        done.add(link)
        return []
      })
    return {
      async prepare() {
        served = await http.serve(host, port, '/ready', () => {
          if (instance.ending) return { status: 503, body: 'Shutting down' }
          const names = [...new Set(waiting())].sort()
          if (names.length === 0) return { status: 200, body: 'OK' }
          log.of('ready').info(`Plugins not ready: "${names.join(',')}"`)
          return { status: 503, body: names.join(',') }
        })
      },
      stop: () => served?.close(),
    }
  },
}
