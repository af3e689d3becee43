/** Logs what went wrong while a query was answered: "[ERROR] plugin/errors: 2 example.org. A: …". */
import { afterwards } from '../../answer.js'
import { argsOf, type Link, notImplemented, onlyOne, type Plugin, unknownProperty } from '../../plugin.js'
import { rcodes, typeName } from '../../wire/constants.js'

export const errors: Plugin = {
  name: 'errors',
  setup(directives, { log }): Link {
    const directive = onlyOne(directives)
    // errors [stdout]
    argsOf(directive, 0, 1)
    for (const property of directive.block ?? []) {
      // A fault of the server itself has its stack in the log anyway.
      if (property.name === 'stacktrace') continue
      if (property.name === 'consolidate') throw notImplemented(property)
      throw unknownProperty(property)
    }
    const lines = log.of('errors')
    return {
      handler: (next) => (query) =>
        afterwards(next(query), (answer) => {
          if (answer.error !== undefined)
            lines.error(`${answer.rcode || rcodes.SERVFAIL} ${query.name} ${typeName(query.type)}: ${answer.error}`)
          return answer
        }),
    }
  },
}
