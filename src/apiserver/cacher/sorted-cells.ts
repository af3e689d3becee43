import type { Cell } from './cell.js'

/** Cells by key and in key order. Finding is a hash look-up; a new key moves pointers, no more. */
export class SortedCells {
  readonly #byKey = new Map<string, Cell>()
  readonly #sorted: Cell[] = []

  get size(): number {
    return this.#sorted.length
  }

  get(key: string): Cell | undefined {
    return this.#byKey.get(key)
  }

  /** Puts the cell in and gives back the one it replaces. */
  set(cell: Cell): Cell | undefined {
    const old = this.#byKey.get(cell.key)
    this.#byKey.set(cell.key, cell)
    const at = this.#position(cell.key)
    if (old) this.#sorted[at] = cell
    else this.#sorted.splice(at, 0, cell)
    return old
  }

  delete(key: string): Cell | undefined {
    const old = this.#byKey.get(key)
    if (!old) return undefined
    this.#byKey.delete(key)
    this.#sorted.splice(this.#position(key), 1)
    return old
  }

  /** Cells whose key starts with `prefix` and is greater than `after`, in order. A view for now: do not keep it over a change. */
  range(prefix: string, after = ''): readonly Cell[] {
    if (prefix === '' && after === '') return this.#sorted
    const start = after > prefix ? this.#position(`${after}\0`) : this.#position(prefix)
    const end = prefix === '' ? this.#sorted.length : this.#position(`${prefix}\uffff`)
    return this.#sorted.slice(start, end)
  }

  /** Takes the place of everything; the cells come in order. */
  replace(cells: readonly Cell[]): void {
    this.#byKey.clear()
    this.#sorted.length = 0
    for (const cell of cells) {
      this.#byKey.set(cell.key, cell)
      this.#sorted.push(cell)
    }
  }

  /** Index of the first cell whose key is not before `key`. */
  #position(key: string): number {
    const sorted = this.#sorted
    const last = sorted[sorted.length - 1]
    if (last && last.key < key) return sorted.length
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sorted[middle] as Cell).key < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
