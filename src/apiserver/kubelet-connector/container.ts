import type { Pod } from '../../api/types/core-v1.js'
import { badRequest } from '../../api/status.js'

/** The container of a pod that a request means. Throws BadRequest when it names none and there are several, or one that is not there. */
export function requestedContainer({ metadata, spec }: Pod, asked: string): string {
  const names = (containers: readonly { name: string }[] = []) => containers.map(({ name }) => name)
  const regular = names(spec?.containers)
  const init = names(spec?.initContainers)
  if (asked !== '') {
    if ([...regular, ...init, ...names(spec?.ephemeralContainers)].includes(asked)) return asked
    throw badRequest(`container ${asked} is not valid for pod ${metadata.name}`)
  }
  const [only, ...others] = regular
  if (only !== undefined && others.length === 0) return only
  if (only === undefined) throw badRequest(`pod ${metadata.name} does not have any containers`)
  const orInit = init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : ''
  throw badRequest(`a container name must be specified for pod ${metadata.name}, choose one of: [${regular.join(' ')}]${orInit}`)
}
