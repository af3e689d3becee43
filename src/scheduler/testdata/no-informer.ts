import type { KubeObject } from '../../api/object.js'
import type { Informer } from '../../client/informer.js'

/** An informer of a resource that has no objects. */
export function noInformer<T extends KubeObject>(): Informer<T> {
  return informerOf<T>([])
}

/** An informer of these objects, which never change. */
export function informerOf<T extends KubeObject>(objects: readonly T[]): Informer<T> {
  const indexes = new Map<string, (object: T) => readonly string[]>()
  const keyOf = ({ metadata: { namespace, name } }: T) => (namespace ? `${namespace}/${name}` : name)
  return {
    lister: {
      get: (key) => objects.find((object) => keyOf(object) === key),
      list: (namespace) => (namespace ? objects.filter(({ metadata }) => metadata.namespace === namespace) : objects),
      by: (index, value) => objects.filter((object) => indexes.get(index)?.(object).includes(value)),
    },
    addIndex: (name, values) => void indexes.set(name, values),
    addHandler: () => () => undefined,
    synced: true,
    whenSynced: (fn) => fn(),
    resourceVersion: '1',
  }
}
