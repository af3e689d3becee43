/** What a member of real etcd says of itself: its health and its leader, by the JSON gateway of its client port. */
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'

export interface MemberAccess {
  readonly name: string
  readonly clientPort: number
  /** Directory with etcd/ca.crt and etcd/healthcheck-client.{crt,key}. */
  readonly pki: string
}

export interface MemberHealth {
  readonly name: string
  /** Where its clients reach it. */
  readonly endpoint: string
  /** Answers, and knows a leader. */
  readonly healthy: boolean
  readonly leader: boolean
  readonly version?: string
  readonly sizeBytes?: number
}

interface StatusAnswer {
  readonly header?: { readonly member_id?: string }
  readonly version?: string
  readonly dbSize?: string
  readonly leader?: string
}

export async function memberHealth({ name, clientPort, pki }: MemberAccess, timeoutMs: number): Promise<MemberHealth> {
  const endpoint = `https://127.0.0.1:${clientPort}`
  try {
    const answer = await post(clientPort, tlsOf(pki), '/v3/maintenance/status', timeoutMs)
    const { header, leader = '0', version, dbSize } = JSON.parse(answer) as StatusAnswer
    return {
      ...{ name, endpoint },
      healthy: leader !== '0',
      leader: leader !== '0' && leader === header?.member_id,
      ...(version ? { version } : {}),
      ...(dbSize ? { sizeBytes: Number(dbSize) } : {}),
    }
  } catch {
    return { name, endpoint, healthy: false, leader: false }
  }
}

interface Tls {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

function tlsOf(pki: string): Tls {
  const read = (file: string) => readFileSync(join(pki, 'etcd', file))
  return { ca: read('ca.crt'), cert: read('healthcheck-client.crt'), key: read('healthcheck-client.key') }
}

function post(port: number, tls: Tls, path: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs)
    const asked = request({ host: '127.0.0.1', port, path, method: 'POST', ...tls, agent: false, signal }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`the member answers ${response.statusCode}`))
      })
      response.once('error', reject)
    })
    asked.once('error', reject)
    asked.end('{}')
  })
}
