import { cloneJson } from '../../api/clone-json.js'
import type { UnknownObject } from '../../api/object.js'
import type { ServedResource } from '../registry/resource.js'

/** A stored object in the version that is served. */
export function shown(served: ServedResource, object: UnknownObject): UnknownObject {
  return served.conversion ? served.conversion.fromStored(cloneJson(object)) : object
}
