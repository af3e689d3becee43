/** An operational error: it has a stable `code`, and says the cause and the next step. A bug is an assertion instead. */
export class QuorateError extends Error {
  override readonly name: string = 'QuorateError'
  readonly code: string
  /** What the reader can do about it, as a sentence. */
  readonly remedy: string | undefined

  constructor(code: string, message: string, options: { remedy?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.remedy = options.remedy
  }
}

/** A bug: a state that the code itself rules out. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
