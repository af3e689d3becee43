/** Which clients a table remembers for session affinity: a table that is replaced must not forget them. */
import type { IpFamily } from '../../api/ip.js'
import type { RunProgram } from '../program.js'
import { dialectOf, tableName } from './base.js'

/** Elements of sets ("ADDRESS expires SECONDSs") by the set's name. */
export type RememberedClients = ReadonlyMap<string, readonly string[]>

interface SetOutput {
  readonly nftables: readonly {
    readonly set?: { readonly table: string; readonly name: string; readonly elem?: readonly unknown[] }
  }[]
}

/** Empty when there is no table yet, or none that can be read. */
export async function rememberedClients(run: RunProgram, family: IpFamily): Promise<RememberedClients> {
  const output = await run('nft', ['-j', 'list', 'sets', dialectOf(family).ip]).catch(() => '')
  if (output === '') return new Map()
  const sets = (JSON.parse(output) as SetOutput).nftables.flatMap(({ set }) => (set?.table === tableName ? [set] : []))
  return new Map(
    sets.flatMap(({ name, elem = [] }) => {
      const elements = elem.flatMap(elementOf)
      return elements.length > 0 ? [[name, elements] as const] : []
    }),
  )
}

/** Only what expires is remembered for somebody; everything else is written from what the cluster says. */
function elementOf(element: unknown): string[] {
  const { elem } = element as { readonly elem?: { readonly val?: unknown; readonly expires?: unknown } }
  return typeof elem?.val === 'string' && typeof elem.expires === 'number' && elem.expires > 0
    ? [`${elem.val} expires ${elem.expires}s`]
    : []
}
