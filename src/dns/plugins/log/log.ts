/** A line for each query, in CoreDNS's common log format or one of the Corefile's own. */
import { type Answered, argumentError, fault, type Link, type Plugin, unknownProperty } from '../../plugin.js'
import type { Directive } from '../../corefile/corefile.js'
import { zones } from '../../corefile/values.js'
import { className, flags, rcodeName, rcodes, typeName } from '../../wire/constants.js'
import { isWithin } from '../../wire/name.js'

const common = '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}'
const combined =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration} {>opcode}'

type Class = 'success' | 'denial' | 'error' | 'all'
const classes: readonly string[] = ['success', 'denial', 'error', 'all']

interface Rule {
  readonly zones: readonly string[]
  readonly format: readonly (string | ((event: Answered) => string))[]
  readonly classes: ReadonlySet<Class>
}

export const log: Plugin = {
  name: 'log',
  setup(directives, setup): Link {
    const rules = directives.map(ruleOf)
    return {
      observe(event) {
        for (const rule of rules) {
          if (!rule.zones.some((zone) => isWithin(event.query.key, zone))) continue
          if (rule.classes.has('all') || rule.classes.has(classOfAnswer(event)))
            setup.log.info(rule.format.map((part) => (typeof part === 'string' ? part : part(event))).join(''))
          return
        }
      },
    }
  },
}

function ruleOf(directive: Directive): Rule {
  const names = [...directive.args]
  let format = common
  const last = names.at(-1)
  if (last?.includes('{')) {
    names.pop()
    format = last.replaceAll('{common}', common).replaceAll('{combined}', combined)
  }
  const chosen = new Set<Class>()
  for (const property of directive.block ?? []) {
    if (property.name !== 'class') throw unknownProperty(property)
    if (property.args.length === 0) throw argumentError(property)
    for (const each of property.args) {
      if (!classes.includes(each)) throw fault(property, `unknown class '${each}'; there are ${classes.join(', ')}`)
      chosen.add(each as Class)
    }
  }
  const scope = names.length === 0 ? ['.'] : zones(directive, names)
  return { zones: scope, format: compile(directive, format), classes: chosen.size === 0 ? new Set(['all']) : chosen }
}

function classOfAnswer({ answer, query }: Answered): Class {
  if (answer.rcode === rcodes.NXDOMAIN) return 'denial'
  if (answer.rcode !== rcodes.NOERROR) return 'error'
  const { answers, authority } = answer.body
  return answers.length === 0 && authority.length > 0 && query.type !== 0 ? 'denial' : 'success'
}

const fields: Readonly<Record<string, (event: Answered) => string>> = {
  type: ({ query }) => typeName(query.type),
  name: ({ query }) => query.key,
  class: ({ query }) => className(query.class),
  proto: ({ query }) => query.client.transport,
  remote: ({ query: { client } }) => (client.address.includes(':') ? `[${client.address}]` : client.address),
  port: ({ query }) => String(query.client.port),
  size: ({ query }) => String(query.bytes.length),
  duration: ({ elapsedMs }) => `${(elapsedMs / 1000).toFixed(9)}s`,
  rcode: ({ answer }) => rcodeName(answer.rcode),
  rsize: ({ sizeBytes }) => String(sizeBytes),
  '>rflags': flagsText,
  '>bufsize': ({ query }) => String(query.edns?.size ?? (query.client.transport === 'tcp' ? 65_535 : 512)),
  '>do': ({ query }) => String(query.dnssec),
  '>id': ({ query }) => String(query.id),
  '>opcode': ({ query }) => String((query.flags >>> 11) & 15),
}

function flagsText({ query, answer, truncated }: Answered): string {
  const set = ['qr']
  if (answer.flags & flags.AA) set.push('aa')
  if (truncated) set.push('tc')
  if (query.flags & flags.RD) set.push('rd')
  if (answer.flags & flags.RA) set.push('ra')
  if (answer.flags & flags.AD) set.push('ad')
  if (query.flags & flags.CD) set.push('cd')
  return set.join(',')
}

function compile(directive: Directive, format: string): Rule['format'] {
  return format.split(/(\{[^{}]*\})/).map((part) => {
    if (!/^\{.*\}$/.test(part)) return part
    const field = fields[part.slice(1, -1)]
    if (!field) throw fault(directive, `unknown placeholder ${part} in the log format`)
    return field
  })
}
