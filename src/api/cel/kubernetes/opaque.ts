import { CelOpaque, type CelValue } from '../values.js'

/** A value of an opaque type that is compared by a text or number of its own. */
export abstract class Compared<T> extends CelOpaque {
  abstract readonly identity: T
  equals(other: CelValue): boolean {
    return other instanceof Compared && other.type === this.type && other.identity === this.identity
  }
}
