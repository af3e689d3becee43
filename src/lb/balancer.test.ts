import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { silentLogger } from '../base/logger.js'
import { realClock } from '../base/real-clock.js'
import { type Backend, type Balancer, startBalancer } from './balancer.js'

const ended: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ended.splice(0)) await end()
})

/** A backend that answers every chunk with its name and the chunk. */
async function backend(name: string): Promise<Backend & { server: Server; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('data', (chunk) => socket.write(`${name}:${chunk.toString()}`))
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ended.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { name, host: '127.0.0.1', port: (server.address() as AddressInfo).port, server, sockets }
}

function kill({ server, sockets }: { server: Server; sockets: Set<Socket> }): void {
  server.close()
  for (const socket of sockets) socket.destroy()
}

async function balance(backends: readonly Backend[], sick = new Set<string>()): Promise<Balancer> {
  const balancer = await startBalancer({
    ...{ host: '127.0.0.1', port: 0, backends, clock: realClock(), logger: silentLogger },
    isHealthy: async ({ name }) => !sick.has(name),
    limits: { checkEveryMs: 5, patienceMs: 50 },
  })
  ended.push(() => balancer.close())
  return balancer
}

async function ask({ port }: Balancer, text: string): Promise<{ answer: string; socket: Socket }> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  ended.push(() => socket.destroy())
  socket.write(text)
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  return { answer: chunk.toString(), socket }
}

describe('the load balancer', () => {
  it('spreads connections over the backends', async () => {
    const balancer = await balance([await backend('a'), await backend('b')])
    const answers = [await ask(balancer, 'x'), await ask(balancer, 'x')].map(({ answer }) => answer)
    expect(answers.toSorted()).toEqual(['a:x', 'b:x'])
  })

  it('passes over a backend that is dead, within the same connection attempt', async () => {
    const [a, b] = [await backend('a'), await backend('b')]
    const balancer = await balance([a, b])
    kill(a)
    const answers = await Promise.all([1, 2, 3].map(() => ask(balancer, 'x')))
    expect(answers.map(({ answer }) => answer)).toEqual(['b:x', 'b:x', 'b:x'])
  })

  it('takes the connections of a backend that hangs, and gives it new ones once it is well', async () => {
    const [a, b] = [await backend('a'), await backend('b')]
    const sick = new Set<string>()
    const balancer = await balance([a, b], sick)
    const { answer, socket } = await ask(balancer, 'x')
    const name = answer.slice(0, 1)
    const closed = once(socket, 'close')
    sick.add(name)
    await closed
    expect(balancer.health()[name]).toBe(false)
    expect((await ask(balancer, 'y')).answer).not.toBe(`${name}:y`)
    sick.clear()
    await vi.waitFor(() => expect(balancer.health()[name]).toBe(true), { interval: 2 })
  })

  it('tries every backend when no check succeeds', async () => {
    const balancer = await balance([await backend('a')], new Set(['a']))
    await vi.waitFor(() => expect(balancer.health()).toEqual({ a: false }), { interval: 2 })
    const socket = connect(balancer.port, '127.0.0.1')
    ended.push(() => socket.destroy())
    await once(socket, 'connect')
    expect(socket.destroyed).toBe(false)
  })

  it('leaves connections alone when every backend fails its checks', async () => {
    const [a, b] = [await backend('a'), await backend('b')]
    const sick = new Set<string>()
    const balancer = await balance([a, b], sick)
    const { answer, socket } = await ask(balancer, 'x')
    sick.add('a').add('b')
    await vi.waitFor(() => expect(balancer.health()).toEqual({ a: false, b: false }), { interval: 2 })
    socket.write('y')
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    expect(chunk.toString()).toBe(`${answer.slice(0, 1)}:y`)
  })

  it('keeps a client waiting for a backend that is only starting', async () => {
    const a = await backend('a')
    kill(a)
    const balancer = await balance([a])
    const answered = ask(balancer, 'x')
    a.server.listen(a.port, '127.0.0.1')
    expect((await answered).answer).toBe('a:x')
  })

  it('ends a connection that no backend takes', async () => {
    const a = await backend('a')
    kill(a)
    const balancer = await balance([a], new Set(['a']))
    const socket = connect(balancer.port, '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'close')
    await vi.waitFor(() => expect(balancer.health()).toEqual({ a: false }), { interval: 2 })
  })
})
