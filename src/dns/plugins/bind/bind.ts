/** Listens on some addresses instead of all. */
import { parseIp } from '../../../api/ip.js'
import { argumentError, fault, type Link, type Plugin, unknownProperty } from '../../plugin.js'

export const bind: Plugin = {
  name: 'bind',
  setup(directives, { hosts }): Link {
    for (const directive of directives) {
      if (directive.args.length === 0) throw argumentError(directive)
      for (const property of directive.block ?? []) throw unknownProperty(property)
      for (const address of directive.args) {
        if (!parseIp(address.split('%')[0] ?? ''))
          throw fault(directive, `not a valid IP address: ${address}; names of interfaces are not implemented`)
        hosts.push(address)
      }
    }
    return {}
  },
}
