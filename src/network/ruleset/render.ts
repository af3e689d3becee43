/**
 * A change of the ruleset as the text of one nft transaction. Order matters in it: what is pointed at comes before what points,
 * and goes after it.
 */
import { formatIp, type IpFamily } from '../../api/ip.js'
import type { AddressRange, Rule } from './rule.js'
import type { ElementChange, RulesetChange, SetDefinition } from './ruleset.js'

export const tableName = 'quorate-network'
const table = `inet ${tableName}`

/** nft reads a comment of up to 128 bytes. */
const commentMax = 120
/** Elements on one line: nft's reader slows down on very long ones. */
const elementsPerLine = 500

/** `base`: the chains that hang on the kernel's hooks (text within the table), written when the table is written whole. */
export function renderChange(change: RulesetChange, base: string): string {
  const lines: string[] = []
  // "add" makes the table where it is missing, so that the deletion never fails.
  if (change.whole) lines.push(`add table ${table}`, `delete table ${table}`, `add table ${table}`)
  for (const set of change.sets) lines.push(setLine(set))
  for (const { name, isNew } of change.chains) lines.push(`${isNew ? 'add' : 'flush'} chain ${table} ${name}`)
  for (const { name, rules } of change.chains) for (const rule of rules) lines.push(`add rule ${table} ${name} ${ruleText(rule)}`)
  for (const removed of change.removed) lines.push(...elementLines('delete', removed))
  for (const added of change.added) lines.push(...elementLines('add', added))
  // Chains that go together may point at nothing any more, but not at each other's sets either: first emptied, then removed.
  for (const name of change.goneChains) lines.push(`flush chain ${table} ${name}`)
  for (const name of change.goneChains) lines.push(`delete chain ${table} ${name}`)
  for (const name of change.goneSets) lines.push(`delete set ${table} ${name}`)
  if (change.whole) lines.push(`table ${table} {`, base, '}')
  return `${lines.join('\n')}\n`
}

export function renderRemoval(): string {
  return `add table ${table}\ndelete table ${table}\n`
}

function setLine({ name, type, interval, verdicts }: SetDefinition): string {
  const kind = verdicts ? 'map' : 'set'
  return `add ${kind} ${table} ${name} { type ${type}${verdicts ? ' : verdict' : ''}; ${interval ? 'flags interval; ' : ''}}`
}

function elementLines(verb: 'add' | 'delete', { set, elements }: ElementChange): string[] {
  const lines: string[] = []
  for (let at = 0; at < elements.length; at += elementsPerLine)
    lines.push(`${verb} element ${table} ${set} { ${elements.slice(at, at + elementsPerLine).join(', ')} }`)
  return lines
}

function ruleText({ family = 'IPv4', peer, ports, endpoint, verdict, comment }: Rule): string {
  const ip = family === 'IPv4' ? 'ip' : 'ip6'
  const parts: string[] = []
  if (peer && 'set' in peer) parts.push(`${ip} ${peer.side} @${peer.set}`)
  else if (peer) parts.push(rangesText(family, `${ip} ${peer.side}`, peer.ranges))
  if (ports) parts.push(portsText(ports))
  if (endpoint) parts.push(`${ip} daddr . meta l4proto . th dport @${endpoint}`)
  if (verdict === 'drop') parts.push('counter')
  parts.push(verdict)
  if (comment) parts.push(`comment "${comment.slice(0, commentMax)}"`)
  return parts.join(' ')
}

/** All addresses of a family are no range for nft: the family alone says it. */
function rangesText(family: IpFamily, field: string, ranges: readonly AddressRange[]): string {
  const highest = family === 'IPv4' ? 2n ** 32n - 1n : 2n ** 128n - 1n
  const [only] = ranges
  if (ranges.length === 1 && only?.first === 0n && only.last === highest) return `meta nfproto ${family === 'IPv4' ? 'ipv4' : 'ipv6'}`
  const texts = ranges.map(({ first, last }) => {
    const from = formatIp({ family, value: first })
    return first === last ? from : `${from}-${formatIp({ family, value: last })}`
  })
  return `${field} { ${texts.join(', ')} }`
}

function portsText({ protocol, ranges }: NonNullable<Rule['ports']>): string {
  const name = protocol.toLowerCase()
  if (ranges.length === 0) return `meta l4proto ${name}`
  return `${name} dport { ${ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(', ')} }`
}
