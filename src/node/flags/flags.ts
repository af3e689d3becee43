/**
 * Flags as Go's pflag reads them: --name=value, --name value, --bool, repeated lists. Every flag of the real component is
 * known by name; one that Quorate does not implement is refused unless it is given its own default, never ignored.
 */
import { parseDurationMs } from '../../base/duration.js'
import { QuorateError } from '../../base/errors.js'

export interface FlagDefinition {
  readonly name: string
  readonly type: string
  readonly default?: string
  readonly section?: string
  readonly short?: string
  readonly deprecated?: boolean
  /** For flags of Quorate's own; upstream's have none here. */
  readonly help?: string
}

export interface FlagTable {
  readonly component: string
  readonly definitions: readonly FlagDefinition[]
  /** Names of the flags that do something (or whose whole effect is a default that Quorate has too). */
  readonly implemented: ReadonlySet<string>
}

export class FlagError extends QuorateError {
  constructor(message: string, remedy?: string) {
    super('BadFlag', message, remedy ? { remedy } : {})
  }
}

const listTypes = new Set([
  'strings',
  'stringArray',
  'int32Slice',
  'colonSeparatedMultimapStringString',
  'mapStringString',
  'mapStringBool',
  'stringToString',
  'namedCertKey',
  'pattern=N,...',
  '[]v1.Taint',
])

/** Throws FlagError: unknown flag, missing value, wrong type, not implemented, or a stray argument. */
export function parseFlags(table: FlagTable, argv: readonly string[]): Flags {
  const known = new Map(table.definitions.map((definition) => [definition.name, definition]))
  const short = new Map(table.definitions.flatMap((definition) => (definition.short ? [[definition.short, definition] as const] : [])))
  const given = new Map<string, string[]>()
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at] as string
    const match = /^(--?)([^=]+)(?:=(.*))?$/s.exec(argument)
    if (!match)
      throw new FlagError(`${table.component}: unexpected argument ${JSON.stringify(argument)}; flags are written as --name=value`)
    const [, dashes, name = '', inline] = match
    const definition = dashes === '--' ? known.get(name) : short.get(name)
    if (!definition) throw new FlagError(`unknown flag: ${dashes}${name}`, `Run ${table.component} --help for the flags there are.`)
    let value = inline
    if (value === undefined) {
      const next = argv[at + 1]
      if (definition.type === 'bool') value = 'true'
      else if (next === undefined) throw new FlagError(`flag needs an argument: --${definition.name}`)
      else {
        value = next
        at++
      }
    }
    checkValue(definition, value)
    if (!table.implemented.has(definition.name) && value !== (definition.default ?? '') && !isNoChange(definition, value)) {
      throw new FlagError(
        `the flag --${definition.name} is known to ${table.component} but not implemented by Quorate`,
        'Leave it out, or give it its default.',
      )
    }
    const values = given.get(definition.name) ?? []
    given.set(definition.name, listTypes.has(definition.type) ? [...values, value] : [value])
  }
  return new Flags(known, given)
}

function isNoChange({ type, default: standard }: FlagDefinition, value: string): boolean {
  return type === 'bool' && standard === undefined && value === 'false'
}

function checkValue({ name, type }: FlagDefinition, value: string): void {
  const refuse = (why: string) => new FlagError(`invalid argument ${JSON.stringify(value)} for "--${name}" flag: ${why}`)
  if (type === 'bool' && !/^(true|false|1|0|t|f)$/i.test(value))
    throw refuse(`strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`)
  if ((type === 'int' || type === 'int32') && !/^[+-]?\d+$/.test(value))
    throw refuse(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`)
  if ((type === 'float' || type === 'float32') && !Number.isFinite(Number(value))) throw refuse('not a number')
  if (type === 'duration') durationMs(value, () => refuse(`time: invalid duration ${JSON.stringify(value)}`))
}

/** Go's duration text ("1h30m", "250ms", "0") in milliseconds. */
export function durationMs(
  text: string,
  failure: () => Error = () => new FlagError(`time: invalid duration ${JSON.stringify(text)}`),
): number {
  const ms = parseDurationMs(text)
  if (ms === undefined) throw failure()
  return ms
}

/** The values of a command line; a flag that was not given has its default. */
export class Flags {
  readonly #known: ReadonlyMap<string, FlagDefinition>
  readonly #given: ReadonlyMap<string, readonly string[]>

  constructor(known: ReadonlyMap<string, FlagDefinition>, given: ReadonlyMap<string, readonly string[]>) {
    this.#known = known
    this.#given = given
  }

  has(name: string): boolean {
    return this.#given.has(name)
  }

  /** '' when neither given nor defaulted. */
  string(name: string): string {
    return this.#given.get(name)?.at(-1) ?? this.#definition(name).default ?? ''
  }

  bool(name: string): boolean {
    return /^(true|1|t)$/i.test(this.string(name))
  }

  int(name: string): number {
    return Number(this.string(name) || 0)
  }

  durationMs(name: string): number {
    return durationMs(this.string(name) || '0')
  }

  /** Repeated and comma-separated values as one list. */
  list(name: string): string[] {
    const given = this.#given.get(name)
    if (!given) return listOf(this.#definition(name).default ?? '')
    return this.#definition(name).type === 'stringArray' ? [...given] : given.flatMap(listOf)
  }

  #definition(name: string): FlagDefinition {
    const definition = this.#known.get(name)
    if (!definition) throw new Error(`assertion failed: no flag --${name} in the table`)
    return definition
  }
}

function listOf(text: string): string[] {
  const inner = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  return inner === '' ? [] : inner.split(',').map((item) => item.trim())
}

/** What --help prints: sections, flags, defaults; those that are not implemented are left out. */
export function usage({ component, definitions, implemented }: FlagTable, purpose: string): string {
  const lines = [purpose, '', `Usage:\n  quorate ${component} [flags]`]
  const bySection = new Map<string, FlagDefinition[]>()
  for (const definition of definitions) {
    if (!implemented.has(definition.name)) continue
    const section = definition.section ?? 'general'
    bySection.set(section, [...(bySection.get(section) ?? []), definition])
  }
  for (const [section, found] of bySection) {
    lines.push('', `${section[0]?.toUpperCase()}${section.slice(1)} flags:`, '')
    for (const { name, type, default: standard, help } of found) {
      lines.push(
        `      --${name} ${type === 'bool' ? '' : type}`.trimEnd() +
          (standard ? ` (default ${standard})` : '') +
          (help ? `\n            ${help}` : ''),
      )
    }
  }
  lines.push('', 'Other flags of the real component are known by name and refused until they are implemented.')
  return `${lines.join('\n')}\n`
}
