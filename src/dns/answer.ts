/**
 * What plugins give back. The records are in a `Body`, which whoever keeps an answer keeps: its wire form is worked out once and
 * later answers are made by patching a copy of those bytes.
 */
import { flags, rcodes } from './wire/constants.js'
import type { Rr } from './wire/record.js'
import type { Query } from './wire/reader.js'
import type { Template } from './wire/writer.js'

const none: readonly Rr[] = []

export class Body {
  readonly answers: readonly Rr[]
  readonly authority: readonly Rr[]
  readonly additional: readonly Rr[]
  /** The wire form for the question that was answered last. */
  template: Template | undefined

  constructor(answers: readonly Rr[], authority: readonly Rr[] = none, additional: readonly Rr[] = none) {
    this.answers = answers
    this.authority = authority
    this.additional = additional
  }
}

const emptyBody = new Body(none)

export interface Answer {
  readonly rcode: number
  /** AA, RA, AD, TC. */
  readonly flags: number
  readonly body: Body
  /** Every record's time to live, instead of its own: the answer has been kept for a while. */
  readonly ttl?: number
  /** The addresses are to come in any order. */
  readonly shuffle?: boolean
  /** Who answered. */
  readonly plugin?: string
  /** What went wrong, for the log. */
  readonly error?: string
}

export type Handler = (query: Query) => Answer | Promise<Answer>

/** A plugin's fault or refusal without records. */
export function failure(rcode: number, error?: string): Answer {
  return { rcode, flags: 0, body: emptyBody, ...(error === undefined ? {} : { error }) }
}

export function authoritative(plugin: string, body: Body, rcode: number = rcodes.NOERROR): Answer {
  return { rcode, flags: flags.AA, body, plugin }
}

/** Carries on with the answer, at once when it is there: a promise costs more than most answers. */
export function afterwards<T>(answer: Answer | Promise<Answer>, fn: (answer: Answer) => T): T | Promise<T> {
  return answer instanceof Promise ? answer.then(fn) : fn(answer)
}
