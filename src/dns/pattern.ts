/** Regular expressions of a Corefile: Go's (RE2), so that no name takes long to match. */
import { RE2JS } from 're2js'
import { messageOf } from '../base/errors.js'
import type { Place } from './corefile/error.js'
import { fault } from './plugin.js'

const lengthMax = 10_000

export interface Match {
  /** Group 0 is all of it; a group that took no part is ''. */
  readonly groups: readonly string[]
  readonly named: ReadonlyMap<string, string>
}

export interface Pattern {
  match(text: string): Match | undefined
}

/** Throws CorefileError. */
export function pattern(place: Place, text: string): Pattern {
  if (text.length > lengthMax) throw fault(place, `regex pattern too long: ${text.length} characters`)
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(text)
  } catch (error) {
    throw fault(place, `invalid regex pattern ${JSON.stringify(text)}: ${messageOf(error)}`)
  }
  const names = Object.entries(compiled.namedGroups())
  return {
    match(subject) {
      const matcher = compiled.matcher(subject)
      if (!matcher.find()) return undefined
      const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, at) => matcher.group(at) ?? '')
      return { groups, named: new Map(names.map(([name, at]) => [name, groups[at] ?? ''])) }
    },
  }
}

/** {1} and the like stand for what the groups matched. */
export function expand(text: string, { groups }: Match): string {
  return text.replace(/\{(\d+)\}/g, (whole, digits: string) => groups[Number(digits)] ?? whole)
}
