/**
 * One API server with its store in a process of its own, on a disk, and callers on the same machine: creates, reads, lists, watches.
 * Pods are some 5 KB as stored. The figures in brackets are kube-apiserver v1.36 with etcd 3.6 under the same work.
 */
import { Caller } from './http2-caller.js'
import { clock, figure, median, rssMiB, until } from './processes.js'
import { adminToken, namespace, pod, withServedApi } from './served-api.js'

const pods = 5_000
const callers = 64

async function perSecond(count: number, width: number, work: (i: number) => Promise<{ status: number }>): Promise<number> {
  let next = 0
  const startedAtMs = clock.monotonic()
  const caller = async () => {
    while (next < count) {
      const i = next++
      const { status } = await work(i)
      if (status >= 300) throw new Error(`call ${i} was answered ${status}`)
    }
  }
  await Promise.all(Array.from({ length: width }, caller))
  return count / ((clock.monotonic() - startedAtMs) / 1000)
}

async function measure(caller: Caller, url: string, pid: number): Promise<void> {
  const create = (i: number) => caller.request('POST', `${namespace}/pods`, pod(i))
  const get = (query: string) => () => caller.request('GET', `${namespace}/pods${query}`)
  figure('creates by 1 caller', await perSecond(300, 1, (i) => create(900_000 + i)), '/s', 357)
  figure(`creates by ${callers} callers`, await perSecond(pods, callers, create), '/s', 1_022)
  figure(`reads by ${callers} callers`, await perSecond(pods * 3, callers, (i) => get(`/pod-${i % pods}`)()), '/s', 3_341)
  const rounds = async (query: string) => {
    const rates: number[] = []
    for (let round = 0; round < 10; round++) rates.push(await perSecond(1, 1, get(query)))
    return median(rates)
  }
  figure('lists of all pods from the cache', await rounds('?resourceVersion=0'), '/s', 3)
  figure('lists of a label (250 pods)', await rounds('?labelSelector=shard%3Ds3'), '/s', 42)
  await fanOut(caller, url)
  figure('memory of the API server', rssMiB(pid), 'MiB', 790)
}

async function fanOut(caller: Caller, url: string): Promise<void> {
  const watchers = 50
  const changes = 1_000
  const { body } = await caller.request('GET', `${namespace}/pods?limit=1`)
  const { resourceVersion } = (JSON.parse(body.toString()) as { metadata: { resourceVersion: string } }).metadata
  const watching = new Caller(url, adminToken, watchers)
  let events = 0
  const path = `${namespace}/pods?watch=1&resourceVersion=${resourceVersion}`
  await Promise.all(
    Array.from({ length: watchers }, () =>
      watching.watch(path, (count) => {
        events += count
      }),
    ),
  )
  const startedAtMs = clock.monotonic()
  await perSecond(changes, callers, (i) => {
    const patch = JSON.stringify({ metadata: { annotations: { 'example.com/tick': String(i) } } })
    return caller.request('PATCH', `${namespace}/pods/pod-${i}`, patch, 'application/merge-patch+json')
  })
  await until('every watcher has every event', 30_000, async () => events >= watchers * changes)
  figure(`watch fan-out to ${watchers} watchers`, events / ((clock.monotonic() - startedAtMs) / 1000), 'events/s', 21_840)
  watching.close()
}

async function main(): Promise<void> {
  await withServedApi(async ({ url, pid, caller, readyMs }) => {
    figure('API server ready after', readyMs, 'ms')
    await measure(caller, url, pid)
  })
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
