/**
 * Sets of completion indexes in the form of status.completedIndexes: sorted, runs of three and more as "first-last"
 * ("0,1,3-5"). Kept as intervals, so that a Job of a hundred thousand indexes is a few numbers.
 */

interface Interval {
  readonly first: number
  readonly last: number
}

export class IndexSet {
  static readonly empty = new IndexSet([])
  readonly #intervals: readonly Interval[]

  private constructor(intervals: readonly Interval[]) {
    this.#intervals = intervals
  }

  /** Of its text. What is not below `completions` is left out: an elastic Job may have shrunk. Parts that cannot be read are too. */
  static parse(text: string | undefined, completions: number): IndexSet {
    const intervals: Interval[] = []
    for (const part of (text ?? '').split(',')) {
      const match = /^(\d+)(?:-(\d+))?$/.exec(part)
      if (!match) continue
      const first = Number(match[1])
      const last = Math.min(Number(match[2] ?? match[1]), completions - 1)
      if (first <= last) intervals.push({ first, last })
    }
    return new IndexSet(merge(intervals))
  }

  with(indexes: Iterable<number>): IndexSet {
    const added = [...indexes].map((index) => ({ first: index, last: index }))
    return added.length === 0 ? this : new IndexSet(merge([...this.#intervals, ...added]))
  }

  union(other: IndexSet): IndexSet {
    return new IndexSet(merge([...this.#intervals, ...other.#intervals]))
  }

  has(index: number): boolean {
    let low = 0
    let high = this.#intervals.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#intervals[middle]?.last ?? 0) < index) low = middle + 1
      else high = middle
    }
    const found = this.#intervals[low]
    return found !== undefined && found.first <= index
  }

  get size(): number {
    return this.#intervals.reduce((sum, { first, last }) => sum + last - first + 1, 0)
  }

  /** How many indexes both have. */
  sizeOfCommon(other: IndexSet): number {
    let common = 0
    let i = 0
    let j = 0
    for (;;) {
      const a = this.#intervals[i]
      const b = other.#intervals[j]
      if (!a || !b) return common
      common += Math.max(0, Math.min(a.last, b.last) - Math.max(a.first, b.first) + 1)
      if (a.last < b.last) i++
      else j++
    }
  }

  /** The lowest `count` indexes below `completions` that are not in the set. */
  firstMissing(count: number, completions: number): number[] {
    const missing: number[] = []
    let next = 0
    for (const { first, last } of [...this.#intervals, { first: completions, last: completions }]) {
      while (next < first && next < completions && missing.length < count) missing.push(next++)
      next = Math.max(next, last + 1)
    }
    return missing
  }

  toString(): string {
    return this.#intervals
      .map(({ first, last }) => (first === last ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`))
      .join(',')
  }
}

function merge(intervals: Interval[]): Interval[] {
  const merged: { first: number; last: number }[] = []
  for (const { first, last } of intervals.sort((a, b) => a.first - b.first)) {
    const end = merged.at(-1)
    if (end && first <= end.last + 1) end.last = Math.max(end.last, last)
    else merged.push({ first, last })
  }
  return merged
}
