import type { KubeObject } from '../api/object.js'

/** Reads from an informer's cache. Objects are shared: never change one, copy it first. */
export interface Lister<T extends KubeObject> {
  /** By "namespace/name" (or "name"). */
  get(key: string): T | undefined
  /** All, or those of one namespace (an index, not a scan). */
  list(namespace?: string): readonly T[]
  /** Objects whose index function gave `value`. Throws when no such index was added. */
  by(index: string, value: string): readonly T[]
}

export interface InformerHandler<T extends KubeObject> {
  /** `initial`: from the first list. */
  onAdd?(object: T, initial: boolean): void
  onUpdate?(object: T, old: T): void
  onDelete?(object: T): void
}

/** A local copy of one resource, kept current by list and watch, shared by everyone in the process. */
export interface Informer<T extends KubeObject> {
  readonly lister: Lister<T>
  /** Must be called before the factory starts, or it indexes what is there at once. */
  addIndex(name: string, values: (object: T) => readonly string[]): void
  /** A handler added late is told of every object that is already there. The returned function removes it. */
  addHandler(handler: InformerHandler<T>): () => void
  /** True once the first list has been delivered to the handlers. */
  readonly synced: boolean
  /** Calls back once `synced` is true; at once when it is already. */
  whenSynced(fn: () => void): void
  /** Of the last event or bookmark. */
  readonly resourceVersion: string
}
