/** Values in directives. Each throws a CorefileError that names the word. */
import { parseDurationMs } from '../../base/duration.js'
import { isWithin } from '../wire/name.js'
import { zonesOf } from './address.js'
import type { Directive } from './corefile.js'
import { CorefileError, type Place } from './error.js'

export function integer(place: Place, text: string | undefined, min = 0, max = Number.MAX_SAFE_INTEGER): number {
  if (text === undefined || !/^[+-]?\d+$/.test(text)) throw new CorefileError(place, `${JSON.stringify(text ?? '')} is no whole number`)
  const value = Number(text)
  if (value < min || value > max)
    throw new CorefileError(place, `${text} must be in range [${min}, ${max === Number.MAX_SAFE_INTEGER ? '…' : max}]`)
  return value
}

export function duration(place: Place, text: string | undefined): number {
  const ms = text === undefined ? undefined : parseDurationMs(text)
  if (ms === undefined) throw new CorefileError(place, `time: invalid duration ${JSON.stringify(text ?? '')}`)
  if (ms < 0) throw new CorefileError(place, `the duration ${text} can't be negative`)
  return ms
}

export function zones(place: Place, texts: readonly string[]): string[] {
  return texts.flatMap((text) => {
    try {
      return zonesOf(text)
    } catch (error) {
      throw new CorefileError(place, (error as Error).message)
    }
  })
}

/** Zones given, or those of the server block. */
export function zonesOrServer(place: Place, texts: readonly string[], server: readonly string[]): readonly string[] {
  return texts.length === 0 ? server : zones(place, texts)
}

/** `fallthrough [ZONES...]`: whether a name that is not found goes on to the next plugin. */
export type Fallthrough = (key: string) => boolean

export const noFallthrough: Fallthrough = () => false

export function fallthrough(directive: Directive): Fallthrough {
  if (directive.args.length === 0) return () => true
  const within = zones(directive, directive.args)
  return (key) => within.some((zone) => isWithin(key, zone))
}

/** HOST, HOST:PORT, :PORT, [HOST]:PORT */
export function hostPort(place: Place, text: string, defaultPort: number): { readonly host: string; readonly port: number } {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  if (bare.split(':').length > 2 && !text.includes(']:')) return { host: bare, port: defaultPort }
  const colon = text.lastIndexOf(':')
  if (colon < 0) return { host: text, port: defaultPort }
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: integer(place, text.slice(colon + 1), 0, 65_535) }
}
