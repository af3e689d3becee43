import type { KubeObject } from '../../../api/object.js'
import type { RoleRef, Subject } from '../../../api/types/rbac-v1.js'
import { userName } from '../../authn/service-account/claims.js'
import type { UserInfo } from '../../authn/authenticator.js'

/** A RoleBinding or ClusterRoleBinding. */
export interface Binding extends KubeObject {
  roleRef: RoleRef
  subjects?: Subject[]
}

/** Bindings by the users and groups they name, so that a request looks at those of its user alone. */
export class BindingIndex {
  /** namespace ('' for cluster role bindings) → subject → bindings by key. */
  readonly #byNamespace = new Map<string, Map<string, Map<string, Binding>>>()
  readonly #subjectsOf = new Map<string, { namespace: string; subjects: readonly string[] }>()

  /** Puts a binding in place of what had its key before; undefined takes it out. */
  set(key: string, binding: Binding | undefined): void {
    this.#remove(key)
    if (!binding) return
    const namespace = binding.metadata.namespace ?? ''
    const subjects = [
      ...new Set((binding.subjects ?? []).map((subject) => subjectKey(subject, namespace)).filter((subject) => subject !== '')),
    ]
    this.#subjectsOf.set(key, { namespace, subjects })
    const bySubject = getOrAdd(this.#byNamespace, namespace, () => new Map<string, Map<string, Binding>>())
    for (const subject of subjects) getOrAdd(bySubject, subject, () => new Map<string, Binding>()).set(key, binding)
  }

  /** Calls `visit` with each binding of the user or its groups in a namespace ('' for cluster role bindings) until it returns true. */
  some(user: UserInfo, namespace: string, visit: (binding: Binding) => boolean): boolean {
    const bySubject = this.#byNamespace.get(namespace)
    if (!bySubject) return false
    if (someOf(bySubject.get(`u:${user.name}`), visit)) return true
    for (const group of user.groups) if (someOf(bySubject.get(`g:${group}`), visit)) return true
    return false
  }

  #remove(key: string): void {
    const old = this.#subjectsOf.get(key)
    if (!old) return
    this.#subjectsOf.delete(key)
    const bySubject = this.#byNamespace.get(old.namespace)
    for (const subject of old.subjects) {
      const bindings = bySubject?.get(subject)
      bindings?.delete(key)
      if (bindings?.size === 0) bySubject?.delete(subject)
    }
    if (bySubject?.size === 0) this.#byNamespace.delete(old.namespace)
  }
}

function subjectKey(subject: Subject, bindingNamespace: string): string {
  switch (subject.kind) {
    case 'User':
      return `u:${subject.name}`
    case 'Group':
      return `g:${subject.name}`
    case 'ServiceAccount': {
      const namespace = subject.namespace || bindingNamespace
      return namespace ? `u:${userName(namespace, subject.name)}` : ''
    }
    default:
      return ''
  }
}

function someOf(bindings: ReadonlyMap<string, Binding> | undefined, visit: (binding: Binding) => boolean): boolean {
  if (bindings) for (const binding of bindings.values()) if (visit(binding)) return true
  return false
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}
