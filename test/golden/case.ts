/** Recorded cases: requests in a namespace of their own, and what kube-apiserver v1.36.0 answered. */
import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

export interface Step {
  /** "POST /api/v1/namespaces/{ns}/pods" */
  readonly do: string
  /** An object, or text to send as it is. */
  readonly body?: unknown
  readonly type?: string
  readonly accept?: string
  readonly query?: Readonly<Record<string, string | readonly string[]>>
  readonly as?: Impersonated
  /** Values of the answer that later steps name in braces, by a dotted path. */
  readonly keep?: Readonly<Record<string, string>>
  readonly watch?: { readonly events: number; readonly timeoutMs?: number }
  readonly headers?: readonly string[]
  /** false: of a success only the kind counts. */
  readonly show?: boolean
  readonly expect: Outcome
}

export interface Impersonated {
  readonly user: string
  readonly uid?: string
  readonly groups?: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** What is compared. */
export interface Outcome {
  readonly code: number
  readonly body?: unknown
  readonly raw?: string
  readonly events?: readonly { readonly type: string; readonly object: unknown }[]
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string | null>>
  readonly warnings?: number
}

export interface Case {
  readonly area: string
  readonly name: string
  /** No ServiceAccount is made in its namespace. */
  readonly bare?: boolean
  readonly steps: readonly Step[]
}

const folder = new URL('./cases/', import.meta.url)
const extension = '.jsonl.gz'

export function recordedCases(): Case[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(extension))
  return files.sort().flatMap((file) => {
    const lines = gunzipSync(readFileSync(new URL(file, folder)))
      .toString('utf8')
      .split('\n')
    const area = file.slice(0, -extension.length)
    return lines.filter((line) => line !== '').map((line) => ({ area, ...(JSON.parse(line) as Omit<Case, 'area'>) }))
  })
}

const clusterWide = ['"globalDefault":true', 'is-default-class":"true', '"nodePort":3', '"clusterIP":"10.', '"healthCheckNodePort":3']

/** Fixed addresses and ports, and defaults of the whole cluster, would show in cases beside. */
export function wantsToBeAlone({ steps }: Case): boolean {
  const text = JSON.stringify(steps.map(({ body }) => body))
  return clusterWide.some((mark) => text.includes(mark))
}
