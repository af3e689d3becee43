import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Service, ServiceSpec } from '../../api/types/core-v1.js'
import { StatusError } from '../../api/status.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { FakeAccess } from '../testdata/fake-access.js'
import { fakeStore } from '../testdata/fake-store.js'
import { clusterIpAllocator, staticBandSize } from './cluster-ip.js'
import { contains, formatIp, parseCidr, parseIp } from '../../api/ip.js'
import { nodePortAllocator } from './node-port.js'
import { allocationRepair } from './repair.js'
import { serviceAllocator } from './service-allocator.js'

function setUp(cidrs = ['10.96.0.0/24']) {
  const access = new FakeAccess()
  const store = fakeStore()
  const random = seededRandom(7)
  const addresses = clusterIpAllocator(access, { cidrs, random })
  const ports = nodePortAllocator(store, { first: 30000, last: 32767, random })
  return { access, store, addresses, ports, services: serviceAllocator(addresses, ports) }
}
const service = (name: string, spec: ServiceSpec): Service => ({ metadata: { name, namespace: 'ns' }, spec: structuredClone(spec) })
const causes = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof StatusError)) throw new Error(`no StatusError: ${String(error)}`)
  return error.status.details?.causes?.map((cause) => `${cause.reason} ${cause.field}`)
}

describe('IP addresses', () => {
  it('are written as they were read (any 32 or 128 bits)', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (value) => {
        expect(parseIp(formatIp({ family: 'IPv6', value }))).toEqual({ family: 'IPv6', value })
        const small = value & 0xffffffffn
        expect(parseIp(formatIp({ family: 'IPv4', value: small }))).toEqual({ family: 'IPv4', value: small })
      }),
    )
  })

  it('follow RFC 5952 and refuse look-alikes', () => {
    const canonical = (text: string) => {
      const ip = parseIp(text)
      return ip && formatIp(ip)
    }
    expect(canonical('2001:0db8:0:0:1:0:0:1')).toBe('2001:db8::1:0:0:1')
    expect(canonical('::ffff:1.2.3.4')).toBe('::ffff:102:304')
    expect(canonical('::')).toBe('::')
    for (const text of ['1.2.3', '01.2.3.4', '1.2.3.256', ':::', '1:2', '1::2::3', 'g::']) expect(parseIp(text)).toBeUndefined()
  })

  it('know their range', () => {
    const range = parseCidr('10.96.0.0/12')
    const inside = parseIp('10.111.255.255')
    const outside = parseIp('10.112.0.0')
    expect(range && inside && contains(range, inside)).toBe(true)
    expect(range && outside && contains(range, outside)).toBe(false)
    expect(parseCidr('10.96.0.0/33')).toBeUndefined()
  })
})

describe('cluster IPs', () => {
  it('come from the upper band until it is used up, then from the lower one, each once', async () => {
    const { addresses } = setUp(['10.0.0.0/26'])
    const owner = { namespace: 'ns', name: 's' }
    const given = []
    for (let i = 0; i < 62; i++) given.push(await addresses.next('IPv4', owner, true))
    expect(new Set(given).size).toBe(62)
    expect(staticBandSize(62n)).toBe(16n)
    const last = (address: string | undefined) => Number(address?.split('.')[3])
    expect(given.slice(0, 46).every((address) => last(address) > 16)).toBe(true)
    expect(given.slice(46).every((address) => last(address) <= 16)).toBe(true)
    await expect(addresses.next('IPv4', owner, true)).rejects.toThrow('full')
  })

  it('are allocated once by two servers whose caches lag', async () => {
    const { access, addresses } = setUp(['10.0.0.0/28'])
    access.lag(resources.ipAddresses)
    const other = clusterIpAllocator(access, { cidrs: ['10.0.0.0/28'], random: seededRandom(7) })
    const owner = { namespace: 'ns', name: 's' }
    const given = await Promise.all(
      [1, 2, 3, 4, 5, 6].flatMap(() => [addresses.next('IPv4', owner, true), other.next('IPv4', owner, true)]),
    )
    expect(new Set(given).size).toBe(12)
  })

  it('are given back by their owner only', async () => {
    const { access, addresses } = setUp()
    await addresses.take('10.96.0.9', { namespace: 'ns', name: 'a' }, true)
    await addresses.release('10.96.0.9', { namespace: 'ns', name: 'b' })
    expect(access.lister(resources.ipAddresses).get('10.96.0.9')).toBeDefined()
    await addresses.release('10.96.0.9', { namespace: 'ns', name: 'a' })
    expect(access.lister(resources.ipAddresses).get('10.96.0.9')).toBeUndefined()
  })
})

describe('node ports', () => {
  it('are taken once by servers that share a store', async () => {
    const { store, ports } = setUp()
    const other = nodePortAllocator(store, { first: 30000, last: 32767, random: seededRandom(7) })
    const given = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 ? ports : other).next(true)))
    expect(new Set(given).size).toBe(40)
    await expect(other.take([given[0] ?? 0], true)).rejects.toThrow('already allocated')
    await ports.release([given[0] ?? 0])
    await other.take([given[0] ?? 0], true)
  })

  it('are refused out of range, and repaired from what is in use', async () => {
    const { ports } = setUp()
    await expect(ports.take([80], true)).rejects.toThrow('30000-32767')
    await ports.take([30001, 30002], true)
    expect(await ports.repair(() => new Set([30002, 30003]))).toEqual({ freed: [30001], added: [30003] })
  })
})

describe('Services', () => {
  it('get an address and node ports, and give back what an update drops', async () => {
    const { access, ports, services } = setUp()
    const old = service('web', { type: 'NodePort', ports: [{ port: 80 }, { port: 53, protocol: 'TCP' }, { port: 53, protocol: 'UDP' }] })
    await services.allocate(old, undefined, true)
    const [first, tcp, udp] = old.spec?.ports ?? []
    expect(old.spec).toMatchObject({ ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', clusterIPs: [old.spec?.clusterIP] })
    expect(tcp?.nodePort).toBe(udp?.nodePort)
    const now = service('web', { ...old.spec, type: 'ExternalName', clusterIP: undefined, clusterIPs: undefined, ports: [{ port: 80 }] })
    await (await services.allocate(now, old, true)).done()
    expect(access.lister(resources.ipAddresses).list()).toEqual([])
    await ports.take([first?.nodePort ?? 0], true)
  })

  it('leave nothing behind when a later part fails', async () => {
    const { access, services } = setUp()
    const bad = service('web', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] })
    expect(await causes(services.allocate(bad, undefined, true))).toEqual(['FieldValueInvalid spec.ports[0].nodePort'])
    expect(access.lister(resources.ipAddresses).list()).toEqual([])
  })

  it('take nothing on dry run', async () => {
    const { access, services } = setUp()
    const web = service('web', { type: 'NodePort', ports: [{ port: 80 }] })
    await services.allocate(web, undefined, false)
    expect(web.spec?.clusterIP).toMatch(/^10\.96\.0\./)
    expect(access.writes).toEqual([])
  })

  it.each<[string, ServiceSpec, string]>([
    ['an address in use', { clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'] }, 'spec.clusterIPs'],
    ['the network address', { clusterIP: '10.96.0.0', clusterIPs: ['10.96.0.0'] }, 'spec.clusterIPs'],
    ['a family the cluster has not', { ipFamilies: ['IPv6'] }, 'spec.ipFamilies[0]'],
    ['an address of such a family', { clusterIP: 'fd00::10', clusterIPs: ['fd00::10'] }, 'spec.clusterIPs[0]'],
    ['two stacks where there is one', { ipFamilyPolicy: 'RequireDualStack' }, 'spec.ipFamilyPolicy'],
    ['two families for one stack', { ipFamilies: ['IPv4', 'IPv6'] }, 'spec.ipFamilyPolicy'],
  ])('are refused %s', async (_, spec, path) => {
    const { addresses, services } = setUp()
    await addresses.take('10.96.0.5', { namespace: 'ns', name: 'other' }, true)
    expect(await causes(services.allocate(service('web', { ...spec, ports: [{ port: 80 }] }), undefined, true))).toEqual([
      `FieldValueInvalid ${path}`,
    ])
  })

  it('have both families where there are two and are asked for, the named one first', async () => {
    const { services } = setUp(['10.96.0.0/24', 'fd00::/108'])
    const web = service('web', { ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv6'], ports: [{ port: 80 }] })
    await services.allocate(web, undefined, true)
    expect(web.spec?.ipFamilies).toEqual(['IPv6', 'IPv4'])
    expect(web.spec?.clusterIPs?.[0]).toMatch(/^fd00::/)
    expect(web.spec?.clusterIPs?.[1]).toMatch(/^10\./)
  })

  it('without address and selector let both families through', async () => {
    const { services } = setUp()
    const web = service('web', { clusterIP: 'None', clusterIPs: ['None'], ports: [{ port: 80 }] })
    await services.allocate(web, undefined, true)
    expect(web.spec).toMatchObject({ ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'RequireDualStack', clusterIPs: ['None'] })
  })
})

describe('repair', () => {
  it('frees what leaked, once it is sure, and marks what is in use', async () => {
    const { access, addresses, ports } = setUp()
    const clock = new VirtualClock(Date.UTC(2026, 0, 2))
    const repair = allocationRepair({ access, addresses, ports, clock, logger: silentLogger })
    const owner = { spec: { parentRef: { resource: 'services', namespace: 'ns', name: 'gone' } } }
    const address = (name: string, creationTimestamp: string) => ({ metadata: { name, creationTimestamp }, ...owner })
    access.add(resources.ipAddresses, address('10.96.0.7', '2026-01-01T00:00:00Z'), address('10.96.0.8', '2026-01-01T23:59:59Z'))
    access.add(resources.services, {
      metadata: { name: 'web', namespace: 'ns' },
      spec: { type: 'NodePort', clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ports: [{ port: 80, nodePort: 30500 }] },
    } as Service)
    await ports.take([30600], true)

    await repair.pass()
    const left = access.lister(resources.ipAddresses).list()
    expect(left.map(({ metadata }) => metadata.name).sort()).toEqual(['10.96.0.8', '10.96.0.9'])
    await expect(ports.take([30500], true)).rejects.toThrow('already allocated')
    await expect(ports.take([30600], true)).rejects.toThrow('already allocated')
    await repair.pass()
    await ports.take([30600], true)
  })
})
