/** Queries of type ANY get the least there is (RFC 8482): a HINFO record that says so. */
import { authoritative, Body } from '../../answer.js'
import { argsOf, type Link, onlyOne, type Plugin } from '../../plugin.js'
import { types } from '../../wire/constants.js'
import { hinfo } from '../../wire/record.js'

const ttl = 8482

export const any: Plugin = {
  name: 'any',
  setup(directives): Link {
    argsOf(onlyOne(directives), 0)
    return {
      handler: (next) => (query) =>
        query.type === types.ANY ? authoritative('any', new Body([hinfo(query.name, ttl, 'ANY obsoleted', 'See RFC 8482')])) : next(query),
    }
  },
}
