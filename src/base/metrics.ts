/**
 * Counters, gauges and histograms in the Prometheus text format. Made for hot paths: with its labels looked up once, an
 * observation is an addition.
 */
export type LabelValues = readonly string[]

interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  lines(): Iterable<string>
}

/** Seconds, as Kubernetes' own latency histograms have them. */
export const latencyBuckets: readonly number[] = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
]

export class Metrics {
  readonly #families = new Map<string, Family>()

  counter(name: string, help: string, labels: readonly string[] = []): Counter {
    return this.#add(new Counter(name, 'counter', help, labels))
  }

  gauge(name: string, help: string, labels: readonly string[] = []): Counter {
    return this.#add(new Counter(name, 'gauge', help, labels))
  }

  /** A gauge that is asked when it is read. */
  gaugeOf(name: string, help: string, labels: readonly string[], read: () => Iterable<readonly [LabelValues, number]>): void {
    this.#add({
      name,
      type: 'gauge',
      help,
      *lines() {
        for (const [values, value] of read()) yield `${name}${labelText(labels, values)} ${value}`
      },
    })
  }

  histogram(name: string, help: string, labels: readonly string[] = [], buckets: readonly number[] = latencyBuckets): Histogram {
    return this.#add(new Histogram(name, help, labels, buckets))
  }

  /** The page that /metrics serves (text format 0.0.4). */
  text(): string {
    const lines: string[] = []
    for (const family of this.#families.values()) {
      lines.push(`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`)
      for (const line of family.lines()) lines.push(line)
    }
    return `${lines.join('\n')}\n`
  }

  #add<F extends Family>(family: F): F {
    if (this.#families.has(family.name)) throw new Error(`assertion failed: the metric ${family.name} exists already`)
    this.#families.set(family.name, family)
    return family
  }
}

export class Counter implements Family {
  readonly #labels: readonly string[]
  readonly #cells = new Map<string, { readonly values: LabelValues; value: number }>()

  constructor(
    readonly name: string,
    readonly type: 'counter' | 'gauge',
    readonly help: string,
    labels: readonly string[],
  ) {
    this.#labels = labels
  }

  inc(values: LabelValues = [], by = 1): void {
    this.#cell(values).value += by
  }

  set(values: LabelValues, value: number): void {
    this.#cell(values).value = value
  }

  get(values: LabelValues = []): number {
    return this.#cell(values).value
  }

  *lines(): Iterable<string> {
    for (const { values, value } of this.#cells.values()) yield `${this.name}${labelText(this.#labels, values)} ${value}`
  }

  #cell(values: LabelValues): { value: number } {
    const key = values.join('\0')
    let cell = this.#cells.get(key)
    if (!cell) this.#cells.set(key, (cell = { values, value: 0 }))
    return cell
  }
}

interface Distribution {
  readonly values: LabelValues
  readonly counts: Float64Array
  sum: number
  count: number
}

export class Histogram implements Family {
  readonly type = 'histogram'
  readonly #labels: readonly string[]
  readonly #buckets: readonly number[]
  readonly #cells = new Map<string, Distribution>()

  constructor(
    readonly name: string,
    readonly help: string,
    labels: readonly string[],
    buckets: readonly number[],
  ) {
    this.#labels = labels
    this.#buckets = buckets
  }

  observe(values: LabelValues, value: number): void {
    const key = values.join('\0')
    let cell = this.#cells.get(key)
    if (!cell) this.#cells.set(key, (cell = { values, counts: new Float64Array(this.#buckets.length), sum: 0, count: 0 }))
    cell.sum += value
    cell.count++
    for (let i = 0; i < this.#buckets.length; i++) {
      if (value > (this.#buckets[i] as number)) continue
      cell.counts[i] = (cell.counts[i] as number) + 1
      return
    }
  }

  *lines(): Iterable<string> {
    const names = [...this.#labels, 'le']
    for (const { values, counts, sum, count } of this.#cells.values()) {
      let below = 0
      for (const [i, bucket] of this.#buckets.entries()) {
        below += counts[i] as number
        yield `${this.name}_bucket${labelText(names, [...values, String(bucket)])} ${below}`
      }
      yield `${this.name}_bucket${labelText(names, [...values, '+Inf'])} ${count}`
      yield `${this.name}_sum${labelText(this.#labels, values)} ${sum}`
      yield `${this.name}_count${labelText(this.#labels, values)} ${count}`
    }
  }
}

function labelText(names: readonly string[], values: LabelValues): string {
  if (names.length === 0) return ''
  return `{${names.map((name, i) => `${name}="${escape(values[i] ?? '')}"`).join(',')}}`
}

function escape(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}
