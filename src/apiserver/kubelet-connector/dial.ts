/** Connections to kubelets and to what is proxied to. */
import { Agent as HttpAgent, type ClientRequest, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { connect as tcpConnect, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as tlsConnect, type ConnectionOptions, createSecureContext, type SecureContext } from 'node:tls'

export interface DialOptions {
  /** --kubelet-client-certificate and --kubelet-client-key: PEM. */
  readonly clientCertificate?: string
  readonly clientKey?: string
  /** --kubelet-certificate-authority: PEM. Without it a kubelet's certificate is taken as it is (as upstream does). */
  readonly certificateAuthority?: string
  /** Maps a host to the one to dial. */
  route?(host: string): string
}

export interface Endpoint {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  /** A kubelet is shown the API server's client certificate; nobody else is. */
  readonly kubelet?: boolean
  /** Do not check the other side's certificate. */
  readonly insecure?: boolean
}

export interface Dialer {
  request(endpoint: Endpoint, options: { method: string; path: string; headers: Readonly<Record<string, string>> }): ClientRequest
  /** A connection of its own. Rejects when there is none within the time limit. */
  connect(endpoint: Endpoint): Promise<Socket>
  /** "host:port" for the Host header. */
  authority(endpoint: Endpoint): string
}

/** Connections that idle are kept for the next request so long. */
const idleMs = 30_000
const connectTimeoutMs = 10_000

export function dialer(options: DialOptions): Dialer {
  const route = (host: string) => options.route?.(host) ?? host
  const http = new HttpAgent({ keepAlive: true, timeout: idleMs })
  const https = new HttpsAgent({ keepAlive: true, timeout: idleMs })
  let kubeletContext: SecureContext | undefined
  let plainContext: SecureContext | undefined
  const tlsOptions = ({ host, kubelet, insecure }: Endpoint): ConnectionOptions => {
    const { certificateAuthority: ca, clientCertificate: cert, clientKey: key } = options
    if (kubelet) kubeletContext ??= createSecureContext({ ...(ca ? { ca } : {}), ...(cert && key ? { cert, key } : {}) })
    else plainContext ??= createSecureContext()
    const secureContext = kubelet ? kubeletContext : plainContext
    return {
      ...(secureContext ? { secureContext } : {}),
      rejectUnauthorized: kubelet === true && ca !== undefined && insecure !== true,
      ...(isIP(host) ? {} : { servername: host }),
      // The name in the certificate is the node's, wherever it is dialled.
      checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
      ALPNProtocols: ['http/1.1'],
    }
  }
  return {
    authority: ({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`,
    request(endpoint, { method, path, headers }) {
      const common = {
        host: route(endpoint.host),
        port: endpoint.port,
        method,
        path,
        headers: { host: this.authority(endpoint), ...headers },
      }
      return endpoint.scheme === 'http'
        ? httpRequest({ ...common, agent: http })
        : httpsRequest({ ...common, ...tlsOptions(endpoint), agent: https })
    },
    connect(endpoint) {
      return new Promise((resolve, reject) => {
        const target = { host: route(endpoint.host), port: endpoint.port }
        const socket = endpoint.scheme === 'http' ? tcpConnect(target) : tlsConnect({ ...target, ...tlsOptions(endpoint) })
        socket.setTimeout(connectTimeoutMs, () => socket.destroy(new Error(`no connection within ${connectTimeoutMs / 1000} s`)))
        socket.once('error', reject)
        socket.once(endpoint.scheme === 'http' ? 'connect' : 'secureConnect', () => {
          socket.setTimeout(0)
          socket.off('error', reject)
          socket.setNoDelay(true)
          resolve(socket)
        })
      })
    },
  }
}
