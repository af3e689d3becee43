/** Type parameters and what they turn out to be: assignability in both directions, as cel-go's checker has it. */
import {
  dynType,
  isDynamic,
  type ListType,
  type MapType,
  type ObjectType,
  type OpaqueType,
  sameType,
  type Type,
  type TypeParameter,
  typeParameter,
  type TypeType,
} from './types.js'

export class Substitution {
  readonly #bound = new Map<string, Type>()
  /** What was bound before, of what has been bound since the last attempt began. */
  readonly #undo: [name: string, before: Type | undefined][] = []
  #count = 0

  fresh(): TypeParameter {
    return typeParameter(`_var${this.#count++}`)
  }

  /** The types of a signature with parameters of its own. */
  instantiate(types: readonly Type[]): Type[] {
    if (!types.some(hasParameters)) return types as Type[]
    const own = new Map<string, Type>()
    const walk = (type: Type): Type => {
      if (type.kind !== 'parameter') return mapType(type, walk)
      let found = own.get(type.name)
      if (!found) own.set(type.name, (found = this.fresh()))
      return found
    }
    return types.map(walk)
  }

  /** Whether values of the types may be given where the others are wanted; learns from it only when all may. */
  assignable(given: readonly Type[], wanted: readonly Type[]): boolean {
    if (given.length !== wanted.length) return false
    this.#undo.length = 0
    for (let i = 0; i < given.length; i++) if (!this.#assignable(given[i] as Type, wanted[i] as Type)) return this.#rollBack()
    return true
  }

  #rollBack(): false {
    for (let last = this.#undo.pop(); last; last = this.#undo.pop()) {
      const [name, before] = last
      if (before) this.#bound.set(name, before)
      else this.#bound.delete(name)
    }
    return false
  }

  #bind(name: string, type: Type): void {
    this.#undo.push([name, this.#bound.get(name)])
    this.#bound.set(name, type)
  }

  /** With every parameter replaced by what it is known to be; `unknown`: the others become dyn. */
  resolve(type: Type, unknown: 'dyn' | 'keep' = 'keep'): Type {
    if (type.kind !== 'parameter') return mapType(type, (inner) => this.resolve(inner, unknown))
    const found = this.#bound.get(type.name)
    if (found) return this.resolve(found, unknown)
    return unknown === 'dyn' ? dynType : type
  }

  /** The wider of two types that agree. */
  mostGeneral(a: Type, b: Type): Type {
    return isAtLeast(a, b) ? a : b
  }

  #assignable(a: Type, b: Type): boolean {
    if (b.kind === 'parameter') {
      const { valid, known } = this.#substitutes(a, b)
      if (valid) return true
      if (known) return false
    }
    if (a.kind === 'parameter') return this.#substitutes(b, a).valid
    if (isDynamic(a) || isDynamic(b)) return true
    if (a.kind === 'null') return isNullable(b)
    if (b.kind === 'null') return isNullable(a)
    if (a.kind !== b.kind) return false
    switch (a.kind) {
      case 'list':
        return this.#assignable(a.element, (b as ListType).element)
      case 'map':
        return this.#assignable(a.key, (b as MapType).key) && this.#assignable(a.value, (b as MapType).value)
      case 'opaque': {
        const other = b as OpaqueType
        return a.name === other.name && a.parameters.every((each, i) => this.#assignable(each, other.parameters[i] ?? dynType))
      }
      case 'object':
        return a.name === (b as ObjectType).name
      default:
        return true
    }
  }

  #substitutes(type: Type, parameter: TypeParameter): { valid: boolean; known: boolean } {
    if (sameType(type, parameter)) return { valid: true, known: true }
    const found = this.#bound.get(parameter.name)
    if (!found) {
      if (this.#mentions(type, parameter.name)) return { valid: false, known: false }
      this.#bind(parameter.name, type)
      return { valid: true, known: false }
    }
    if (sameType(type, found)) return { valid: true, known: true }
    if (!this.#assignable(type, found)) return { valid: false, known: true }
    const wider = this.mostGeneral(type, found)
    if (!this.#mentions(wider, parameter.name)) this.#bind(parameter.name, wider)
    return { valid: true, known: true }
  }

  #mentions(type: Type, name: string): boolean {
    switch (type.kind) {
      case 'parameter': {
        if (type.name === name) return true
        const found = this.#bound.get(type.name)
        return found !== undefined && this.#mentions(found, name)
      }
      case 'list':
        return this.#mentions(type.element, name)
      case 'map':
        return this.#mentions(type.key, name) || this.#mentions(type.value, name)
      case 'opaque':
        return type.parameters.some((each) => this.#mentions(each, name))
      default:
        return false
    }
  }
}

function hasParameters(type: Type): boolean {
  switch (type.kind) {
    case 'parameter':
      return true
    case 'list':
      return hasParameters(type.element)
    case 'map':
      return hasParameters(type.key) || hasParameters(type.value)
    case 'type':
      return hasParameters(type.of)
    case 'opaque':
      return type.parameters.some(hasParameters)
    default:
      return false
  }
}

function mapType(type: Type, map: (inner: Type) => Type): Type {
  switch (type.kind) {
    case 'list': {
      const element = map(type.element)
      return element === type.element ? type : { ...type, element }
    }
    case 'map': {
      const [key, value] = [map(type.key), map(type.value)]
      return key === type.key && value === type.value ? type : { ...type, key, value }
    }
    case 'opaque':
      return type.parameters.length === 0 ? type : { ...type, parameters: type.parameters.map(map) }
    case 'type': {
      const of = map(type.of)
      return of === type.of ? type : { ...type, of }
    }
    default:
      return type
  }
}

/** Null may stand where there is something that can be missing. */
function isNullable(type: Type): boolean {
  return type.kind === 'object' || type.kind === 'timestamp' || type.kind === 'duration' || type.kind === 'opaque' || type.kind === 'null'
}

/** Whether `a` says no more than `b`. */
function isAtLeast(a: Type, b: Type): boolean {
  if (isDynamic(a) || a.kind === 'parameter') return true
  if (isDynamic(b) || b.kind === 'parameter') return false
  if (b.kind === 'null') return isNullable(a)
  if (a.kind !== b.kind) return false
  switch (a.kind) {
    case 'list':
      return isAtLeast(a.element, (b as ListType).element)
    case 'map':
      return isAtLeast(a.key, (b as MapType).key) && isAtLeast(a.value, (b as MapType).value)
    case 'opaque':
      return a.parameters.every((each, i) => isAtLeast(each, (b as OpaqueType).parameters[i] ?? dynType))
    case 'type':
      return isAtLeast(a.of, (b as TypeType).of)
    default:
      return sameType(a, b)
  }
}
