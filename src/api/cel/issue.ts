/** What is wrong with an expression before it runs. */
export interface Issue {
  readonly message: string
  /** Offset in the source. */
  readonly at: number
}

/** Ends the reading of an expression that is not one. */
export class SyntaxFault extends Error {
  constructor(readonly issue: Issue) {
    super(issue.message)
  }
}

/** As cel-go writes it: place, message, the line and a mark below it. */
export function issueText(source: string, { message, at }: Issue): string {
  const before = source.slice(0, at)
  const line = before.split('\n').length
  const start = before.lastIndexOf('\n') + 1
  const column = Array.from(before.slice(start)).length
  const text = source.slice(start).split('\n', 1)[0] ?? ''
  return `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${text}\n | ${'.'.repeat(column)}^`
}

export const issuesText = (source: string, issues: readonly Issue[]) => issues.map((issue) => issueText(source, issue)).join('\n')
