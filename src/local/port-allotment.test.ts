import { describe, expect, it } from 'vitest'
import { allotBlock, blockSize, controlPlanePorts, etcdMemberPorts, fleetPort, loadBalancerPort } from './port-allotment.js'
import { controlPlanesMax } from './quorum.js'

const free = async () => true

describe('the ports of a cluster', () => {
  it('are all different and lie in its block', () => {
    const ports = [loadBalancerPort(20_000), fleetPort(20_000)]
    for (let index = 0; index < controlPlanesMax; index++) ports.push(...Object.values(controlPlanePorts(20_000, index)))
    for (let index = 0; index < 3; index++) ports.push(...Object.values(etcdMemberPorts(20_000, index)))
    expect(new Set(ports).size).toBe(ports.length)
    expect(Math.max(...ports)).toBeLessThan(20_000 + blockSize)
  })

  it('stay below NodePorts and the ports of outgoing connections', async () => {
    for (const seed of [0, 98, 12_345]) expect((await allotBlock({ seed, taken: [], isFree: free })) + blockSize).toBeLessThan(30_000)
  })

  it("are neither another cluster's nor another program's", async () => {
    const first = await allotBlock({ seed: 5, taken: [], isFree: free })
    const second = await allotBlock({ seed: 5, taken: [first], isFree: free })
    const third = await allotBlock({ seed: 5, taken: [first], isFree: async (port) => port !== second + 42 })
    expect(new Set([first, second, third]).size).toBe(3)
  })

  it('run out with a clear error', async () => {
    await expect(allotBlock({ seed: 0, taken: [], isFree: async () => false })).rejects.toThrow(/no 100 consecutive ports are free/)
  })
})
