import type { KubeObject } from '../../api/object.js'

/** The object that an annotation marks as default; of several the newest, then the first by name (KEP-3333). */
export function newestDefault<T extends KubeObject>(objects: readonly T[], annotations: readonly string[]): T | undefined {
  const created = (object: T) => object.metadata.creationTimestamp ?? ''
  const name = (object: T) => object.metadata.name ?? ''
  return objects
    .filter((object) => annotations.some((annotation) => object.metadata.annotations?.[annotation] === 'true'))
    .reduce<T | undefined>((best, object) => {
      if (!best || created(object) > created(best)) return object
      return created(object) === created(best) && name(object) < name(best) ? object : best
    }, undefined)
}
