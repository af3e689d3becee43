/** Lets the plugins behind it see another query than the client's, and the client another answer than theirs. */
import { type Answer, Body, failure, afterwards } from '../../answer.js'
import type { Link, Plugin } from '../../plugin.js'
import { rcodes } from '../../wire/constants.js'
import type { Query } from '../../wire/reader.js'
import type { Rr } from '../../wire/record.js'
import { type Change, ruleOf } from './rules.js'

export const rewrite: Plugin = {
  name: 'rewrite',
  setup(directives): Link {
    const rules = directives.map(ruleOf)
    return {
      handler: (next) => (query) => {
        let asked: Query = query
        const changes: Change[] = []
        for (const rule of rules) {
          const change = rule.apply(asked)
          if (!change) continue
          if (change.query && Object.keys(change.query).length === 0) return failure(rcodes.FORMERR, 'the rewritten name is no name')
          changes.push(change)
          if (change.query) asked = asked.asking(change.query)
          if (rule.stop) break
        }
        return changes.length === 0 ? next(query) : afterwards(next(asked), (answer) => changed(answer, changes))
      },
    }
  },
}

/** The last change of the query is the first to be undone in the answer. */
function changed(answer: Answer, changes: readonly Change[]): Answer {
  const inOrder = [...changes].reverse()
  const rewriters = inOrder.flatMap(({ record }) => (record ? [record] : []))
  const codes = inOrder.flatMap(({ rcode }) => (rcode ? [rcode] : []))
  const { body, ttl } = answer
  const apply = (record: Rr) => rewriters.reduce((each, rewriter) => rewriter(each), ttl === undefined ? record : { ...record, ttl })
  const rcode = codes.reduce((code, fn) => fn(code), answer.rcode)
  if (rewriters.length === 0) return { ...answer, rcode }
  const { ttl: _, ...rest } = answer
  return { ...rest, rcode, body: new Body(body.answers.map(apply), body.authority.map(apply), body.additional.map(apply)) }
}
