/** The harness of namespace hosts itself: what later tests rely on, and that nothing is left behind. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hierarchies } from '../hosts/cgroups.js'
import { type Fabric, missingForHosts, openFabric } from '../hosts/hosts.js'
import type { Host } from '../hosts/host.js'
import { busyboxImage } from '../hosts/images.js'
import { mustRun } from '../hosts/shell.js'

const why = missingForHosts()

describe.skipIf(why !== undefined)(`namespace hosts (skipped: ${why ?? 'no'})`, () => {
  let fabric: Fabric
  let one: Host
  let two: Host
  const links = () => mustRun(['ip', '-o', 'link'])
  const childrenOf = (path: string, prefix: string) => (existsSync(path) ? readdirSync(path).filter((name) => name.startsWith(prefix)) : [])
  beforeAll(async () => {
    fabric = await openFabric({ segments: 2 })
    ;[one, two] = await Promise.all([fabric.addHost('one', { bridgeCni: '10.244.1.0/24' }), fabric.addHost('two', { segment: 1 })])
  }, 60_000)
  afterAll(async () => {
    const dir = fabric?.dir
    await fabric?.close()
    expect(existsSync(dir)).toBe(false)
    // Other tests may have hosts of their own at the same time.
    for (const { mount } of hierarchies()) expect(childrenOf(join(mount, 'quorate-hosts'), basename(dir))).toEqual([])
    expect(await links()).not.toMatch(/\b(seg\d|s\dh\d)\b/)
  })

  it('has its own name, processes, root and cgroups', async () => {
    expect((await one.must(['hostname'])).trim()).toBe('one')
    expect(await one.must(['cat', '/proc/1/cgroup'])).not.toContain('quorate')
    await one.must(['touch', '/etc/of-one'])
    expect(existsSync('/etc/of-one')).toBe(false)
    expect(readlinkSync(`/proc/${one.pid}/ns/net`)).not.toBe(readlinkSync(`/proc/${two.pid}/ns/net`))
    expect(one.read('/etc/machine-id')).not.toBe(two.read('/etc/machine-id'))
  })

  it('reaches the others over the fabric, by routes between segments, until its cable is cut', async () => {
    const ping = async () => (await one.exec(['busybox', 'ping', '-c1', '-W1', two.ip])).code
    expect(await ping()).toBe(0)
    await two.cut()
    expect(await ping()).not.toBe(0)
    await two.plug()
    expect(await ping()).toBe(0)
    expect((await fabric.exec(['busybox', 'ping', '-c1', '-W1', one.ip])).code).toBe(0)
  })

  it('runs containers of images made here', async () => {
    await one.importImages(busyboxImage('docker.io/library/busybox:1.36'))
    const ran = await one.must(['ctr', '-n', 'k8s.io', 'run', '--rm', 'docker.io/library/busybox:1.36', 'c1', 'echo', 'hello'])
    expect(ran).toBe('hello\n')
  })

  it('loses its processes and keeps its disks when the power is cut; services are back with the next boot', async () => {
    one.write('/var/lib/kubelet/kept', 'x')
    const bootId = one.read('/proc/sys/kernel/random/boot_id')
    await one.powerCut()
    expect(one.running).toBe(false)
    await one.boot()
    expect(one.read('/var/lib/kubelet/kept')).toBe('x')
    expect(existsSync(one.path('/etc/of-one'))).toBe(true)
    expect(one.read('/proc/sys/kernel/random/boot_id')).not.toBe(bootId)
    expect(one.containerd.pid).toBeGreaterThan(1)
    expect(await one.must(['ctr', '-n', 'k8s.io', 'images', 'ls', '-q'])).toContain('busybox:1.36')
    expect(readFileSync('/proc/sys/kernel/hostname', 'utf8').trim()).not.toBe('one')
  })
})
