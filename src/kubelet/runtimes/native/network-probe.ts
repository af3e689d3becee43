/**
 * HTTP and TCP probes over the network of this machine, on connections that are kept. What is served by this process itself is
 * asked for its readiness without the wire, as that is asked every second; whether it can be reached shows its liveness probe.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import type { Container, HTTPGetAction } from '../../../api/types/core-v1.js'
import type { ProbeTarget } from '../../probes/prober.js'

export interface NetworkProbe {
  probe(target: ProbeTarget): Promise<void>
  close(): void
}

export interface NetworkProbeOptions {
  /** Maps a host to the one to dial. */
  readonly route?: ((host: string) => string) | undefined
  /** How a server of this process answers a GET: its status code. */
  readonly hosted?: ((address: string) => ((path: string) => Promise<number>) | undefined) | undefined
}

/** Probes of other kinds (exec, grpc) are taken as passed. */
export function networkProbe({ route = (host) => host, hosted }: NetworkProbeOptions = {}): NetworkProbe {
  const agents = {
    // As upstream: a probe does not check whose certificate it is shown.
    HTTPS: new HttpsAgent({ keepAlive: true, maxSockets: 2, rejectUnauthorized: false }),
    HTTP: new HttpAgent({ keepAlive: true, maxSockets: 2 }),
  }
  return {
    async probe({ kind, probe, container, podIp, timeoutMs }) {
      const { httpGet, tcpSocket } = probe
      if (httpGet) {
        const scheme = httpGet.scheme === 'HTTPS' ? 'HTTPS' : 'HTTP'
        const target = { host: route(httpGet.host || podIp), port: portOf(httpGet.port, container) }
        const here = kind === 'Readiness' ? hosted?.(`${target.host}:${target.port}`) : undefined
        if (here) return judge(await inTime(here(httpGet.path ?? '/'), timeoutMs))
        return ask(scheme, agents[scheme], httpGet, target, timeoutMs)
      }
      if (tcpSocket) await knock(route(tcpSocket.host || podIp), portOf(tcpSocket.port, container), timeoutMs)
    },
    close() {
      agents.HTTP.destroy()
      agents.HTTPS.destroy()
    },
  }
}

function portOf(port: number | string, container: Container): number {
  if (typeof port === 'number') return port
  return container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port)
}

const tooLate = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'

function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(tooLate)), timeoutMs)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function judge(statusCode: number): void {
  if (statusCode < 200 || statusCode >= 400) throw new Error(`HTTP probe failed with statuscode: ${statusCode}`)
}

function ask(
  scheme: 'HTTP' | 'HTTPS',
  agent: HttpAgent | HttpsAgent,
  { path = '/', httpHeaders = [] }: HTTPGetAction,
  target: { readonly host: string; readonly port: number },
  timeoutMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      'user-agent': 'kube-probe/1.36',
      accept: '*/*',
      ...Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value])),
    }
    const send = scheme === 'HTTPS' ? httpsRequest : httpRequest
    const sent = send({ ...target, path, agent, headers, timeout: timeoutMs }, (response) => {
      response.resume()
      try {
        resolve(judge(response.statusCode ?? 0))
      } catch (error) {
        reject(error as Error)
      }
    })
    sent.once('timeout', () => sent.destroy(new Error(tooLate)))
    sent.once('error', (error) =>
      reject(new Error(`Get "${scheme.toLowerCase()}://${target.host}:${target.port}${path}": ${error.message}`)),
    )
    sent.end()
  })
}

function knock(host: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: timeoutMs })
    const end = (error?: Error) => {
      socket.destroy()
      if (error) reject(error)
      else resolve()
    }
    socket.once('connect', () => end())
    socket.once('timeout', () => end(new Error(`dial tcp ${host}:${port}: i/o timeout`)))
    socket.once('error', (error) => end(error))
  })
}
