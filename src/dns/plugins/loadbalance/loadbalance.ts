/** Gives the addresses of an answer in another order each time, so that clients that take the first one spread. */
import { afterwards } from '../../answer.js'
import { argsOf, fault, type Link, onlyOne, type Plugin, unknownProperty } from '../../plugin.js'

export const loadbalance: Plugin = {
  name: 'loadbalance',
  setup(directives): Link {
    const directive = onlyOne(directives)
    const [policy = 'round_robin'] = argsOf(directive, 0, 2)
    if (policy !== 'round_robin') throw fault(directive, `the policy '${policy}' is not implemented; there is round_robin`)
    for (const property of directive.block ?? []) throw unknownProperty(property)
    return {
      handler: (next) => (query) =>
        afterwards(next(query), (answer) => (answer.body.answers.length > 1 ? { ...answer, shuffle: true } : answer)),
    }
  },
}
