import type { GroupVersionKind, GroupVersionResource, UnknownObject } from './object.js'

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection'

/** A column of a Table (kubectl get). Priority 0 is shown always, 1 with -o wide. */
export interface Column {
  readonly name: string
  readonly type: string
  readonly format: string
  readonly priority: number
  readonly description?: string
}

/** "pods/status": what may be done to it and what it speaks. */
export interface Subresource {
  readonly name: string
  readonly verbs: readonly string[]
  /** The kind that the subresource takes and gives when it is another one (Scale, Eviction, Binding, TokenRequest). */
  readonly kind?: GroupVersionKind
}

/** One served resource of one group-version, built-in or custom: everything that discovery says of it. */
export interface ResourceInfo extends GroupVersionResource {
  readonly singular: string
  readonly kind: string
  readonly listKind: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly verbs: readonly Verb[]
  readonly subresources: ReadonlyMap<string, Subresource>
  readonly storageVersionHash?: string
  readonly columns: readonly Column[]
  /** 'custom': the resource comes from a CustomResourceDefinition. */
  readonly typeId?: 'custom'
  /** Cells of a Table row, when the resource brings its own. */
  readonly print?: (object: UnknownObject, nowMs: number) => unknown[]
}
