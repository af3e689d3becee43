/** The kubelet's plain health port (10248): what kubeadm and service managers ask. */
import { createServer } from 'node:http'
import { QuorateError } from '../../base/errors.js'

export async function serveHealthz(host: string, port: number): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const known = request.url?.split('?')[0] === '/healthz'
    response.writeHead(known ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8' })
    response.end(known ? 'ok' : '404 page not found\n')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        new QuorateError('ListenFailed', `the kubelet cannot listen on ${host}:${port}: ${error.message}`, {
          cause: error,
          remedy: 'End what listens there, or choose another port with --healthz-port.',
        }),
      ),
    )
    server.listen(port, host, resolve)
  })
  return {
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
