/** Kernel settings of connection tracking. What cannot be set (a namespace, a read-only /proc) is logged and left. */
import { readFile, writeFile } from 'node:fs/promises'
import { messageOf } from '../base/errors.js'
import type { Logger } from '../base/logger.js'

export interface ConntrackSettings {
  /** 0: left as it is, here and below. */
  readonly max: number
  readonly tcpEstablishedMs: number
  readonly tcpCloseWaitMs: number
  readonly tcpBeLiberal: boolean
  readonly udpMs: number
  readonly udpStreamMs: number
}

const directory = '/proc/sys/net/netfilter'

/** `root`: another place of /proc/sys/net/netfilter, for tests. */
export async function setConntrack(settings: ConntrackSettings, logger: Logger, root = directory): Promise<void> {
  const seconds = (ms: number) => Math.floor(ms / 1000)
  const wanted: readonly (readonly [name: string, value: number])[] = [
    ['nf_conntrack_max', settings.max],
    ['nf_conntrack_tcp_timeout_established', seconds(settings.tcpEstablishedMs)],
    ['nf_conntrack_tcp_timeout_close_wait', seconds(settings.tcpCloseWaitMs)],
    ['nf_conntrack_tcp_be_liberal', settings.tcpBeLiberal ? 1 : 0],
    ['nf_conntrack_udp_timeout', seconds(settings.udpMs)],
    ['nf_conntrack_udp_timeout_stream', seconds(settings.udpStreamMs)],
  ]
  for (const [name, value] of wanted) {
    if (value === 0) continue
    const file = `${root}/${name}`
    try {
      const current = (await readFile(file, 'utf8')).trim()
      if (current !== String(value)) await writeFile(file, String(value))
    } catch (error) {
      logger.warn('A kernel setting could not be made', { name, value, error: messageOf(error) })
    }
  }
}

/** How many connections are tracked at most: per processor, but not below a minimum. */
export function conntrackMax({ maxPerCore, min, cores }: { maxPerCore: number; min: number; cores: number }): number {
  return maxPerCore === 0 ? 0 : Math.max(maxPerCore * cores, min)
}
