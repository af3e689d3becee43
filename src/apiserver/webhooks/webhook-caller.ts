/** Calls webhooks over HTTPS; connections are kept for the next call. */
import { Agent, request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type { WebhookCall, WebhookCaller } from '../admission/webhooks/caller.js'

const idleMs = 30_000
/** An answer says little more than yes or no, or how an object changes. */
const answerBytesMax = 10 * 2 ** 20

/** `route` maps a host to the one to dial. */
export function webhookCaller(route: (host: string) => string = (host) => host): WebhookCaller {
  const agent = new Agent({ keepAlive: true, timeout: idleMs })
  return (call, signal) =>
    new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          ...{ method: 'POST', host: route(call.host), port: call.port, path: call.path, agent, signal },
          headers: {
            host: `${call.serverName ?? call.host}:${call.port}`,
            ...{ 'content-type': 'application/json', accept: 'application/json', 'content-length': Buffer.byteLength(call.body) },
          },
          ...tlsOptions(call),
        },
        (response) => {
          const parts: Buffer[] = []
          let bytes = 0
          response.on('data', (part: Buffer) => {
            bytes += part.length
            if (bytes > answerBytesMax) request.destroy(new Error(`the answer has more than ${answerBytesMax} bytes`))
            else parts.push(part)
          })
          response.on('error', reject)
          response.on('end', () => {
            const text = Buffer.concat(parts).toString('utf8')
            const status = response.statusCode ?? 0
            if (status >= 200 && status < 300) resolve(text)
            else
              reject(
                new Error(
                  `an error on the server (${JSON.stringify(text.slice(0, 200))}) has prevented the request from succeeding: ${status}`,
                ),
              )
          })
        },
      )
      request.on('error', reject)
      request.end(call.body)
    })
}

function tlsOptions({ host, serverName, authority }: WebhookCall) {
  const name = serverName ?? host
  return {
    ...(authority ? { ca: authority } : {}),
    ...(isIP(name) ? {} : { servername: name }),
    // The name in the certificate is that of the webhook, wherever it is dialled.
    checkServerIdentity: (_: string, certificate: Parameters<typeof checkServerIdentity>[1]) => checkServerIdentity(name, certificate),
    ALPNProtocols: ['http/1.1'],
  }
}
