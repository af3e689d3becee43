/** HTTP and TCP probes over the network of this machine. Connections are kept, so that asking every second costs little. */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import type { Container, HTTPGetAction } from '../../../api/types/core-v1.js'
import type { ProbeTarget } from '../../probes/prober.js'

export interface NetworkProbe {
  probe(target: ProbeTarget): Promise<void>
  close(): void
}

/** `route` maps a host to the one to dial. Probes of other kinds (exec, grpc) are taken as passed. */
export function networkProbe(route: (host: string) => string = (host) => host): NetworkProbe {
  const agents = {
    // As upstream: a probe does not check whose certificate it is shown.
    HTTPS: new HttpsAgent({ keepAlive: true, maxSockets: 2, rejectUnauthorized: false }),
    HTTP: new HttpAgent({ keepAlive: true, maxSockets: 2 }),
  }
  return {
    probe({ probe, container, podIp, timeoutMs }) {
      const { httpGet, tcpSocket } = probe
      if (httpGet) {
        const scheme = httpGet.scheme === 'HTTPS' ? 'HTTPS' : 'HTTP'
        const target = { host: route(httpGet.host || podIp), port: portOf(httpGet.port, container) }
        return ask(scheme, agents[scheme], httpGet, target, timeoutMs)
      }
      return tcpSocket ? knock(route(tcpSocket.host || podIp), portOf(tcpSocket.port, container), timeoutMs) : Promise.resolve()
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
      const { statusCode = 0 } = response
      if (statusCode >= 200 && statusCode < 400) resolve()
      else reject(new Error(`HTTP probe failed with statuscode: ${statusCode}`))
    })
    sent.once('timeout', () => sent.destroy(new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')))
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
