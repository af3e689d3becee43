import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { silentLogger } from '../base/logger.js'
import { conntrackMax, setConntrack } from './sysctls.js'

describe('settings of connection tracking', () => {
  let dir: string
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'quorate-sysctl-'))
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  it('are so many connections a processor, but not below the minimum; none asked for is none', () => {
    expect(conntrackMax({ maxPerCore: 32_768, min: 131_072, cores: 2 })).toBe(131_072)
    expect(conntrackMax({ maxPerCore: 32_768, min: 131_072, cores: 8 })).toBe(262_144)
    expect(conntrackMax({ maxPerCore: 0, min: 131_072, cores: 8 })).toBe(0)
  })

  it('are written where they differ, and what cannot be written is told and left', async () => {
    const file = (name: string) => join(dir, `nf_conntrack_${name}`)
    writeFileSync(file('tcp_timeout_established'), '432000\n')
    writeFileSync(file('udp_timeout'), '30\n')
    const told: unknown[] = []
    const logger = {
      ...silentLogger,
      warn: (_message: string, fields?: Readonly<Record<string, unknown>>) => void told.push(fields?.['name']),
    }
    const settings = { max: 131_072, tcpEstablishedMs: 86_400_000, tcpCloseWaitMs: 0, tcpBeLiberal: false, udpMs: 0, udpStreamMs: 0 }
    await setConntrack(settings, logger, dir)
    expect(readFileSync(file('tcp_timeout_established'), 'utf8')).toBe('86400')
    expect(readFileSync(file('udp_timeout'), 'utf8')).toBe('30\n')
    // As in a namespace of its own, where the maximum is the machine's.
    expect(told).toEqual(['nf_conntrack_max'])
  })
})
