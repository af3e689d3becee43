/** --etcd-servers: which driver each URL means. */
import type { Clock } from '../../base/clock.js'
import { QuorateError } from '../../base/errors.js'
import type { Store } from '../../storage/store.js'
import { connectFramed } from '../../storage/framed/client.js'

/** Our own store's socket: "unix:///path" anywhere, "pipe:NAME" on Windows. */
const unixScheme = 'unix://'
const pipeScheme = 'pipe:'

export function openStore(servers: readonly string[], clock: Clock, resolvePath: (path: string) => string): Store {
  const [first = ''] = servers
  if (first.startsWith(unixScheme)) return connectFramed({ address: { path: resolvePath(first.slice(unixScheme.length)) }, clock })
  if (first.startsWith(pipeScheme)) return connectFramed({ address: { path: `\\\\.\\pipe\\${first.slice(pipeScheme.length)}` }, clock })
  throw new QuorateError('StoreUnknown', `--etcd-servers=${servers.join(',')} cannot be used`, {
    remedy: 'Give the socket of `quorate etcd` as unix:///path.',
  })
}
