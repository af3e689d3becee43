import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { podCidrOf } from '../network-node.js'
import { ConfDir } from './conf-dir.js'
import { conflist, otherNetwork } from './conflist.js'

const ranges = ['10.244.1.0/24', 'fd00:1::/64'].map((text) => podCidrOf(text) as NonNullable<ReturnType<typeof podCidrOf>>)
const text = conflist({ bridge: 'cni0', podCidrs: ranges, mtu: 1450, leases: '/run/x' })

describe('the CNI configuration', () => {
  it('connects pods by the standard plugins, with an address of each range', () => {
    const list = JSON.parse(text) as { plugins: { type: string; mtu?: number; ipam?: object }[] }
    expect(list.plugins.map(({ type }) => type)).toEqual(['bridge', 'portmap'])
    expect(list.plugins[0]).toMatchObject({
      ...{ mtu: 1450, hairpinMode: true, isDefaultGateway: true, ipMasq: false },
      ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.1.0/24' }], [{ subnet: 'fd00:1::/64' }]] },
    })
  })
})

describe('another network', () => {
  it.each([
    [[], undefined],
    [['10-quorate.conflist', '99-loopback.conf'], undefined],
    [['10-quorate.conflist', '10-flannel.conflist'], '10-flannel.conflist'],
    [['05-cilium.conflist', '00-multus.conf'], '00-multus.conf'],
    [['05-cilium.conflist.bak', '.10-a.conflist.tmp', '00-readme'], undefined],
  ])('is the first by name that a runtime would read: %j is %s', (files, found) => {
    expect(otherNetwork(files)).toBe(found)
  })
})

describe('the folder', () => {
  let dir = ''
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'quorate-cni-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  it('is made, gets the file whole, and again only when it differs', async () => {
    const folder = new ConfDir(join(dir, 'etc/cni/net.d'))
    expect(await folder.files()).toEqual([])
    expect([await folder.write(text), await folder.write(text), await folder.write(`${text} `)]).toEqual([true, false, true])
    expect(await folder.files()).toEqual(['10-quorate.conflist'])
  })

  it('loses our file alone', async () => {
    const folder = new ConfDir(dir)
    writeFileSync(join(dir, '99-other.conf'), '{}')
    await folder.write(text)
    await folder.remove()
    await folder.remove()
    expect(readdirSync(dir)).toEqual(['99-other.conf'])
  })
})
