import { bindingMacros, twoVariableMacros } from '../macros.js'
import type { Library } from '../functions.js'

/** list.all(i, x, p), map.transformMap(k, v, e) (cel-go's ext.TwoVarComprehensions). */
export const twoVariableLibrary: Library = { macros: twoVariableMacros }

/** cel.bind(name, value, body) (cel-go's ext.Bindings; not among Kubernetes' libraries). */
export const bindingsLibrary: Library = { macros: bindingMacros }
