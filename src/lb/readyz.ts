/** The health check of an API server: HTTPS GET /readyz over a connection that is kept, as seen with the cluster's CA alone. */
import { Agent, request } from 'node:https'
import type { Backend } from './balancer.js'

/** Throws nothing by itself; the promise rejects when the server cannot be reached within the signal. */
export function readyzCheck(ca: string | Buffer, { keepAlive = true } = {}): (backend: Backend, signal: AbortSignal) => Promise<boolean> {
  const agent = new Agent({ keepAlive, ca, maxSockets: 2 })
  return ({ host, port }, signal) =>
    new Promise((resolve, reject) => {
      const asked = request({ host, port, path: '/readyz', agent, signal }, (response) => {
        response.resume()
        response.once('end', () => resolve(response.statusCode === 200))
        response.once('error', reject)
      })
      asked.once('error', reject)
      asked.end()
    })
}
