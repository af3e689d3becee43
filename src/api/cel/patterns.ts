/** Regular expressions of RE2's syntax and in its time (linear in the text): a pattern comes from whoever may write a rule. */
import { RE2JS } from 're2js'

export interface Pattern {
  /** Whether the text has a match anywhere. */
  test(text: string): boolean
  /** Every match, up to `max`; all when it is negative. */
  find(text: string, max: number): string[]
}

/** Patterns are few and written in rules; those that are made of data go when there are too many. */
const keptMax = 1_000
const kept = new Map<string, Pattern | string>()

/** A text instead of a pattern says what is wrong with it. */
export function patternOf(source: string): Pattern | string {
  let found = kept.get(source)
  if (found === undefined) {
    found = compilePattern(source)
    if (kept.size >= keptMax) kept.delete(kept.keys().next().value as string)
    kept.set(source, found)
  }
  return found
}

function compilePattern(source: string): Pattern | string {
  try {
    const compiled = RE2JS.compile(source)
    return {
      test: (text) => compiled.matcher(text).find(),
      find(text, max) {
        const matches: string[] = []
        const matcher = compiled.matcher(text)
        while ((max < 0 || matches.length < max) && matcher.find()) matches.push(matcher.group() ?? '')
        return matches
      },
    }
  } catch (error) {
    return `error parsing regexp: ${error instanceof Error ? error.message : String(error)}`
  }
}
