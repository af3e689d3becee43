/** /healthz, /livez and /readyz with their checks by name (API server health endpoints: verbose, exclude, single checks). */
import type { Clock } from '../base/clock.js'
import { messageOf } from '../base/errors.js'

export interface HealthCheck {
  readonly name: string
  /** Throws or rejects when it fails. */
  check(): void | Promise<void>
}

export type HealthEndpoint = 'healthz' | 'livez' | 'readyz'

export class Health {
  readonly #checks: Readonly<Record<HealthEndpoint, HealthCheck[]>> = { healthz: [], livez: [], readyz: [] }

  add(check: HealthCheck, ...endpoints: readonly HealthEndpoint[]): void {
    for (const endpoint of endpoints) this.#checks[endpoint].push(check)
  }

  /** "/readyz", "/livez/etcd"; undefined for other paths. */
  async answer(path: string, query: URLSearchParams): Promise<{ status: number; text: string } | undefined> {
    const [, endpoint = '', ...rest] = path.split('/')
    if (endpoint !== 'healthz' && endpoint !== 'livez' && endpoint !== 'readyz') return undefined
    const single = rest.join('/')
    const excluded = new Set(query.getAll('exclude'))
    const all = this.#checks[endpoint]
    if (single !== '') {
      const check = all.find(({ name }) => name === single)
      if (!check) return { status: 404, text: '404 page not found\n' }
      const result = await outcome(check)
      return result === undefined ? { status: 200, text: 'ok' } : { status: 500, text: `internal server error: ${result}\n` }
    }
    const results = await Promise.all(
      all.map(async (check) => ({ check, failure: excluded.has(check.name) ? 'excluded' : await outcome(check) })),
    )
    const lines = results.map(({ check, failure }) => {
      if (failure === 'excluded') return `[+]${check.name} excluded: ok`
      return failure === undefined ? `[+]${check.name} ok` : `[-]${check.name} failed: reason withheld`
    })
    const failed = results.some(({ failure }) => failure !== undefined && failure !== 'excluded')
    if (failed) return { status: 500, text: `${lines.join('\n')}\n${endpoint} check failed\n` }
    return { status: 200, text: query.has('verbose') ? `${lines.join('\n')}\n${endpoint} check passed\n` : 'ok' }
  }
}

async function outcome({ check }: HealthCheck): Promise<string | undefined> {
  try {
    await check()
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

/** A check that is asked for often and goes to another process: a success holds for a while, and who asks meanwhile shares it. */
export function sharedCheck(clock: Clock, holdsMs: number, check: () => Promise<void>): () => Promise<void> {
  let pending: Promise<void> | undefined
  let succeededAtMs = Number.NEGATIVE_INFINITY
  return async () => {
    if (clock.monotonic() - succeededAtMs < holdsMs) return
    pending ??= check()
      .then(() => {
        succeededAtMs = clock.monotonic()
      })
      .finally(() => {
        pending = undefined
      })
    await pending
  }
}
