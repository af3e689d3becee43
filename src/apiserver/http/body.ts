import type { Readable } from 'node:stream'
import { badRequest, tooLarge } from '../../api/status.js'

/** The whole body. Rejects as soon as it is known to be larger than allowed; what is not read is thrown away. */
export function readBody(stream: Readable, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > maxBytes) {
        stream.removeAllListeners('data')
        stream.resume()
        reject(tooLarge(`Request entity too large: limit is ${maxBytes}`))
        return
      }
      chunks.push(chunk)
    })
    stream.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)))
    stream.once('error', (error) => reject(badRequest(`the body of the request could not be read: ${error.message}`)))
    stream.once('aborted', () => reject(badRequest('the body of the request was cut off')))
  })
}
