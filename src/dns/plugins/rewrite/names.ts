/** How a name is matched and what it becomes. */
import type { Place } from '../../corefile/error.js'
import { expand, pattern } from '../../pattern.js'
import { absolute } from '../../wire/name.js'

/** The new name; undefined: no match. */
export type Renaming = (key: string) => string | undefined

export const matchKinds: readonly string[] = ['exact', 'prefix', 'suffix', 'substring', 'regex']

/** A rule's own FROM and TO. Names of a whole match are absolute; parts are as they are written. */
export function renaming(place: Place, kind: string, from: string, to: string): Renaming {
  const lower = from.toLowerCase()
  switch (kind) {
    case 'prefix':
      return (key) => (key.startsWith(lower) ? to.toLowerCase() + key.slice(lower.length) : undefined)
    case 'suffix': {
      const [old, instead] = [absolute(lower), absolute(to.toLowerCase())]
      return (key) => (key.endsWith(old) ? key.slice(0, key.length - old.length) + instead : undefined)
    }
    case 'substring':
      return (key) => (key.includes(lower) ? key.replace(lower, () => to.toLowerCase()) : undefined)
    case 'regex':
      return byPattern(place, from, to)
    default: {
      const whole = absolute(lower)
      return (key) => (key === whole ? absolute(to.toLowerCase()) : undefined)
    }
  }
}

/** The whole name by a regular expression. */
export function byPattern(place: Place, from: string, to: string): Renaming {
  const compiled = pattern(place, from)
  return (key) => {
    const match = compiled.match(key)
    return match ? absolute(expand(to, match)) : undefined
  }
}

/** Whether a name is matched, for rules that change something else than the name. */
export function matching(place: Place, kind: string, from: string): (key: string) => boolean {
  const renamed = renaming(place, kind, from, '')
  return (key) => renamed(key) !== undefined
}
