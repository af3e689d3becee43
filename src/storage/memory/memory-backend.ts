import type { Backend, PutEvent, Recovered, RevisionRecord, WriteBatch } from '../engine/backend.js'

/** Records in an array by revision. Nothing outlives the process, so every write is "durable" at once. */
export class MemoryBackend implements Backend {
  readonly #records: (RevisionRecord | undefined)[] = []
  #sizeBytes = 0

  defer(fn: () => void): void {
    queueMicrotask(fn)
  }

  write(batch: WriteBatch): undefined {
    for (const record of batch.records) {
      this.#records[record.revision] = record
      this.#sizeBytes += valueBytes(record)
    }
    for (const revision of batch.remove ?? []) {
      const record = this.#records[revision]
      if (record) this.#sizeBytes -= valueBytes(record)
      this.#records[revision] = undefined
    }
    return undefined
  }

  read(revision: number, key: string): PutEvent | undefined {
    const event = this.#records[revision]?.events.find((each) => each.key === key)
    return event?.type === 'put' ? event : undefined
  }

  history(from: number, to: number, wants: (key: string) => boolean, visit: (record: RevisionRecord) => boolean): void {
    for (let revision = from; revision <= to; revision++) {
      const record = this.#records[revision]
      if (record?.events.some((event) => wants(event.key)) && !visit(record)) return
    }
  }

  recover(): Recovered {
    return { compacted: 0, leases: new Map(), records: [] }
  }

  sizeBytes(): number {
    return this.#sizeBytes
  }

  async close(): Promise<void> {
    this.#records.length = 0
  }
}

function valueBytes(record: RevisionRecord): number {
  return record.events.reduce((sum, event) => sum + (event.type === 'put' ? event.value.length : 0), 0)
}
