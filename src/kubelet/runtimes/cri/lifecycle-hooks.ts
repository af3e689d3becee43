/** What a container's lifecycle asks for: commands in it, requests to it, or a pause (KEP-3960). */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Clock } from '../../../base/clock.js'
import type { HTTPGetAction, LifecycleHandler } from '../../../api/types/core-v1.js'
import type { AnyContainer } from './names.js'

export interface HookTarget {
  readonly container: Pick<AnyContainer, 'name' | 'ports'>
  readonly podIp: string
  exec(
    command: readonly string[],
    timeoutMs: number,
  ): Promise<{ readonly stdout: Uint8Array; readonly stderr: Uint8Array; readonly exitCode: number }>
}

/** Upstream's client has this bound for a hook's request. */
const httpTimeoutMs = 30_000

/** Rejects with what went wrong, in upstream's words. */
export async function runHook(handler: LifecycleHandler, target: HookTarget, clock: Clock, timeoutMs: number): Promise<void> {
  if (handler.exec) return runCommand(handler.exec.command ?? [], target, timeoutMs)
  if (handler.httpGet) return ask(handler.httpGet, target, Math.min(timeoutMs, httpTimeoutMs))
  if (handler.sleep) return clock.sleep(Math.min((handler.sleep.seconds ?? 0) * 1000, timeoutMs))
}

async function runCommand(command: readonly string[], target: HookTarget, timeoutMs: number): Promise<void> {
  const { exitCode, stdout, stderr } = await target.exec(command, timeoutMs)
  if (exitCode === 0) return
  const words = Buffer.concat([stdout, stderr]).toString('utf8').slice(0, 1024)
  throw new Error(
    `Exec lifecycle hook ([${command.join(' ')}]) for Container "${target.container.name}" failed - error: command '${command.join(' ')}' exited with ${exitCode}: ${words}, message: ${JSON.stringify(words)}`,
  )
}

function ask(
  { host, port, path = '/', scheme, httpHeaders = [] }: HTTPGetAction,
  { container, podIp }: HookTarget,
  timeoutMs: number,
): Promise<void> {
  const number = typeof port === 'number' ? port : (container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port))
  const headers = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]))
  const send = scheme === 'HTTPS' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const options = {
      host: host || podIp,
      port: number,
      path,
      headers: { 'user-agent': 'kube-lifecycle/1.36', ...headers },
      timeout: timeoutMs,
    }
    const asked = send({ ...options, rejectUnauthorized: false }, (response) => {
      response.resume()
      const status = response.statusCode ?? 0
      if (status >= 200 && status < 400) resolve()
      else
        reject(new Error(`HTTP lifecycle hook (${path}) for Container "${container.name}" failed - error: response status code ${status}`))
    })
    asked.once('timeout', () => asked.destroy(new Error('i/o timeout')))
    asked.once('error', reject)
    asked.end()
  })
}
