/**
 * Writes that change an object: merge patches, server-side applies. One API server with its store in a process of its own; pods are
 * some 3 KB. Beside each rate stands what a request costs the server's processor: that is the figure to compare on a busy machine.
 */
import type { Caller } from './http2-caller.js'
import { clock, cpuSeconds, figure } from './processes.js'
import { namespace, pod, withServedApi } from './served-api.js'

const callers = 64
const objects = 500
const calls = 3_000

type Work = (i: number) => Promise<{ status: number }>

async function measure(name: string, count: number, pid: number, work: Work): Promise<void> {
  let next = 0
  const [startedAtMs, cpu] = [clock.monotonic(), cpuSeconds(pid)]
  const caller = async () => {
    while (next < count) {
      const i = next++
      const { status } = await work(i)
      if (status >= 300) throw new Error(`${name}: call ${i} was answered ${status}`)
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  figure(name, count / ((clock.monotonic() - startedAtMs) / 1000), '/s')
  figure(`${name}: processor time`, ((cpuSeconds(pid) - cpu) * 1000) / count, 'ms')
}

async function measureAll(caller: Caller, pid: number): Promise<void> {
  const at = (i: number) => `${namespace}/pods/pod-${i}`
  const patch = (i: number, round: number) => {
    const body = JSON.stringify({ metadata: { annotations: { 'example.com/tick': `${round}-${i}` } } })
    return caller.request('PATCH', at(i % objects), body, 'application/merge-patch+json')
  }
  const apply = (i: number, body: string) =>
    caller.request('PATCH', `${at(i)}?fieldManager=bench&force=true`, body, 'application/apply-patch+yaml')
  await measure('creates', objects, pid, (i) => caller.request('POST', `${namespace}/pods`, pod(i)))
  await measure('creates, warm', calls, pid, (i) => caller.request('POST', `${namespace}/pods`, pod(10_000 + i)))
  await measure('merge patches', calls, pid, (i) => patch(i, 1))
  await measure('merge patches, warm', calls, pid, (i) => patch(i, 2))
  if (process.env.BENCH_WITHOUT_APPLY) return
  await measure('creates by apply', calls, pid, (i) => apply(20_000 + i, pod(20_000 + i, 'a')))
  await measure('applies of a change', calls, pid, (i) => apply(20_000 + i, pod(20_000 + i, 'b')))
  await measure('applies of nothing new', calls, pid, (i) => apply(20_000 + i, pod(20_000 + i, 'b')))
}

async function main(): Promise<void> {
  await withServedApi(({ caller, pid }) => measureAll(caller, pid), process.env.BENCH_NODE_FLAGS?.split(' ') ?? [])
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
