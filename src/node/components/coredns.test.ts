/** The DNS server as a process runs it: flags, sockets, another resolver's view (dig), a real API server, a real loop. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { RunningComponent } from '../../base/component.js'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { realClock } from '../../base/real-clock.js'
import { machineNetwork } from '../../dns/sockets/machine.js'
import { framed, unframer } from '../../dns/sockets/framing.js'
import { queryBytes, replyOf } from '../../dns/testdata/dns-server.js'
import { upstreamReply } from '../../dns/testdata/upstream.js'
import { createAuthority, createLeaf } from '../../pki/certificates.js'
import type { HostedDeps } from './component.js'
import { coredns } from './coredns.js'
import { freePort } from './testdata/free-port.js'

const hasDig = spawnSync('dig', ['-v']).status === 0
if (!hasDig) console.log('queries by dig: skipped, dig is not installed')

const network = machineNetwork()
let dir: string
let lines: string[] = []
let deps: HostedDeps
const started: RunningComponent[] = []

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'quorate-dns-'))
  deps = {
    clock: realClock(),
    random: seededRandom(3),
    logger: silentLogger,
    resolvePath: (path) => (path.startsWith(dir) ? path : join(dir, path)),
    output: (line) => lines.push(line),
    env: { WHO: '10.7.7.7' },
  }
})

afterEach(async () => {
  for (const component of started.splice(0)) await component.stop({ crash: true })
  lines = []
})

afterAll(() => rmSync(dir, { recursive: true, force: true }))

interface Server {
  readonly port: number
  readonly component: RunningComponent
}

async function start(corefile: string, { port, argv = [] }: { port?: number; argv?: readonly string[] } = {}): Promise<Server> {
  const own = port ?? (await freePort())
  const file = `Corefile-${own}`
  writeFileSync(join(dir, file), corefile)
  const component = coredns.start([`-conf`, file, `-dns.port=${own}`, ...argv], deps)
  component.done.catch(() => undefined)
  await component.ready
  started.push(component)
  return { port: own, component }
}

const answer = (ip: string) => `template IN A {\n answer "{{ .Name }} 60 A ${ip}"\n}`

async function dig(port: number, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('dig', ['@127.0.0.1', '-p', String(port), '+time=2', '+tries=1', ...args])
  return stdout
}

describe('flags', () => {
  it('have one dash or two; unknown ones are refused', async () => {
    expect(() => coredns.start(['-nonsense'], deps)).toThrow('unknown flag: --nonsense')
    const port = await freePort()
    writeFileSync(join(dir, 'Two'), `. {\n bind 127.0.0.1\n${answer('{$WHO}')}\n}`)
    const component = coredns.start(['--conf=Two', '--dns.port', String(port), '-quiet', '--pidfile=pid'], deps)
    await component.ready
    expect(readFileSync(join(dir, 'pid'), 'utf8')).toBe(`${process.pid}\n`)
    expect(lines).toEqual([])
    await component.stop()
    expect(existsSync(join(dir, 'pid'))).toBe(false)
  })

  it('-version and -plugins say so and end', async () => {
    await coredns.start(['-version'], deps).done
    expect(lines[0]).toMatch(/^CoreDNS-\d/)
    await coredns.start(['-plugins'], deps).done
    expect(lines).toContain('dns.kubernetes')
  })

  it('that lead nowhere are faults that name the file', async () => {
    await expect(coredns.start(['-conf', 'gone'], deps).ready).rejects.toThrow('loading Corefile: open gone: no such file or directory')
    await expect(start('. {\n bind 127.0.0.1\n nope\n}')).rejects.toThrow(/Corefile-\d+:3 - Error during parsing: Unknown directive 'nope'/)
    await expect(start('. {\n bind 127.0.0.1\n kubernetes cluster.local\n}')).rejects.toThrow(
      'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
    )
  })

  it('a port that is taken is named', async () => {
    const { port } = await start(`. {\n bind 127.0.0.1\n${answer('10.0.0.1')}\n}`)
    await expect(start('. {\n bind 127.0.0.1\n}', { port })).rejects.toThrow(`listen udp 127.0.0.1:${port}: bind: address already in use`)
  })
})

describe.skipIf(!hasDig)('dig', () => {
  it('asks over UDP and TCP, on every address of the machine', async () => {
    const { port } = await start(`. {\n log\n${answer('10.0.0.1')}\n}`)
    expect(await dig(port, 'a.test', '+short')).toBe('10.0.0.1\n')
    expect(await dig(port, 'a.test', '+short', '+tcp')).toBe('10.0.0.1\n')
    expect(await dig(port, 'A.tEsT', '+noall', '+answer')).toMatch(/^A\.tEsT\.\s+60\s+IN\s+A\s+10\.0\.0\.1\n$/)
    expect(lines.find((line) => line.includes('tcp'))).toMatch(/^\[INFO\] 127\.0\.0\.1:\d+ - \d+ "A IN a\.test\. tcp/)
  })

  it('gets what UDP does not hold by TCP', async () => {
    const names = Array.from({ length: 120 }, (_, at) => `10.1.0.${at} many.test`).join('\n')
    const { port } = await start(`. {\n bind 127.0.0.1\n loadbalance\n hosts none {\n${names}\n}\n}`)
    const cut = await dig(port, 'many.test', '+ignore', '+noall', '+comments')
    expect(cut).toMatch(/flags: qr aa tc rd;.* ANSWER: 7\d,/)
    const whole = (await dig(port, 'many.test', '+short')).trim().split('\n')
    expect(new Set(whole).size).toBe(120)
  })

  it('is refused a zone transfer', async () => {
    const { port } = await start(`. {\n bind 127.0.0.1\n${answer('10.0.0.1')}\n}`)
    expect(await dig(port, 'test', 'AXFR')).toContain('Transfer failed')
  })
})

describe('TCP', () => {
  it('answers queries that are sent together, in pieces of any size', async () => {
    const { port } = await start(`. {\n bind 127.0.0.1\n${answer('10.0.0.1')}\n}`)
    const stream = Buffer.concat(Array.from({ length: 200 }, (_, at) => framed(queryBytes(`n${at}.test`, 'A'))))
    const names = await new Promise<string[]>((resolve, reject) => {
      const found: string[] = []
      const socket = connect(port, '127.0.0.1', () => {
        for (let at = 0; at < stream.length; at += 7) socket.write(stream.subarray(at, at + 7))
      })
      socket.on('error', reject)
      const take = unframer((bytes) => {
        found.push(replyOf(bytes).answers[0] ?? '')
        if (found.length < 200) return
        socket.destroy()
        resolve(found)
      })
      socket.on('data', take)
    })
    expect(new Set(names).size).toBe(200)
  })
})

describe('forward', () => {
  it('asks other servers over UDP, TCP and TLS', async () => {
    const other = await start(`. {\n bind 127.0.0.1\n${answer('10.0.0.9')}\n}`)
    const authority = await createAuthority('test-ca', { nowMs: deps.clock.now() })
    const leaf = await createLeaf(authority, {
      commonName: 'dns.test',
      dnsNames: ['dns.test'],
      usages: ['server'],
      nowMs: deps.clock.now(),
    })
    const tls = createTlsServer(leaf, (socket) => {
      socket.on('error', () => undefined)
      socket.on(
        'data',
        unframer((bytes) => void socket.write(framed(upstreamReply(bytes, { answers: ['s.test 5 A 10.0.0.5'] })))),
      )
    })
    await new Promise<void>((resolve) => void tls.listen(0, '127.0.0.1', resolve))
    const tlsPort = (tls.address() as { port: number }).port
    writeFileSync(join(dir, 'ca.crt'), authority.cert)
    const { port } = await start(`
      s.test {
        bind 127.0.0.1
        forward . tls://127.0.0.1:${tlsPort} {
          tls ca.crt
          tls_servername dns.test
        }
      }
      . {
        bind 127.0.0.1
        forward . 127.0.0.1:${other.port}
      }`)
    const ask = async (name: string, transport: 'udp' | 'tcp') => (await queryOver(port, name, transport)).answers
    expect(await ask('a.test', 'udp')).toEqual(['a.test. 60 A 10.0.0.9'])
    expect(await ask('b.test', 'tcp')).toEqual(['b.test. 60 A 10.0.0.9'])
    expect(await ask('s.test', 'udp')).toEqual(['s.test. 5 A 10.0.0.5'])
    tls.close()
  })

  it('to a port where nobody listens is SERVFAIL at once', async () => {
    const port = await freePort()
    const server = await start(`. {\n bind 127.0.0.1\n errors\n forward . 127.0.0.1:${port}\n}`)
    expect((await queryOver(server.port, 'a.test', 'udp')).rcode).toBe('SERVFAIL')
    expect(lines.join('\n')).toContain(`read udp 127.0.0.1:${port}:`)
  })

  it('to itself is a loop: it is named and ends the component', async () => {
    const port = await freePort()
    const { component } = await start(`. {\n bind 127.0.0.1\n loop\n forward . 127.0.0.1:${port}\n}`, { port })
    await expect(component.done).rejects.toThrow(
      new RegExp(`^plugin/loop: Loop \\(127\\.0\\.0\\.1:\\d+ -> 127\\.0\\.0\\.1:${port}\\) detected for zone "\\."`),
    )
    expect(lines.join('\n')).toContain('[FATAL] plugin/loop: Loop (')
  })
})

describe('probes', () => {
  it('answer over HTTP', async () => {
    const [health, ready, metrics] = [await freePort(), await freePort(), await freePort()]
    await start(`. {\n bind 127.0.0.1\n health 127.0.0.1:${health}\n ready 127.0.0.1:${ready}\n prometheus 127.0.0.1:${metrics}\n}`)
    expect(await page(health, '/health')).toEqual([200, 'OK'])
    expect(await page(ready, '/ready')).toEqual([200, 'OK'])
    expect((await page(metrics, '/metrics'))[1]).toContain('coredns_build_info')
    expect((await page(ready, '/else'))[0]).toBe(404)
  })
})

function page(port: number, path: string): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () => resolve([response.statusCode ?? 0, body]))
    }).on('error', reject)
  })
}

function queryOver(port: number, name: string, transport: 'udp' | 'tcp') {
  const { udp, stream } = network
  return new Promise<ReturnType<typeof replyOf>>((resolve, reject) => {
    const connection = (transport === 'udp' ? udp : stream)(
      { host: '127.0.0.1', port },
      {
        message(bytes) {
          connection.close()
          resolve(replyOf(bytes))
        },
        closed: reject,
      },
    )
    connection.send(queryBytes(name, 'A'))
  })
}
