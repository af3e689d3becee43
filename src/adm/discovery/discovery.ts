/**
 * How a machine that knows only an address and a token finds the cluster that it is to join, and comes to trust it (kubeadm: token-based
 * discovery). kube-public/cluster-info is read without trust first; it counts when the token's signature vouches for it, and when the
 * authority in it is the one whose hash the administrator has given. Then the API is asked again, over TLS that this authority signs.
 */
import { createHmac, timingSafeEqual, X509Certificate } from 'node:crypto'
import { parse } from 'yaml'
import type { ConfigMap } from '../../api/types/core-v1.js'
import type { Clock } from '../../base/clock.js'
import { parseDurationMs } from '../../base/duration.js'
import { messageOf, QuorateError } from '../../base/errors.js'
import type { Transport } from '../../client/client.js'
import { authorityHash } from '../tokens/join-command.js'
import type { Discovery } from '../config/types.js'

export interface FoundCluster {
  /** https://HOST:PORT */
  readonly server: string
  readonly caPem: string
}

export interface DiscoveryDeps {
  readonly clock: Clock
  /** A way to the API: with this authority, or without trust. */
  connect(server: string, caPem: string | undefined): Transport
  /** The text of a kubeconfig file or URL of file discovery. */
  read(path: string): Promise<string>
}

const retryMs = 1_000
const clusterInfoPath = '/api/v1/namespaces/kube-public/configmaps/cluster-info'

/** Tries until the timeout ("5m0s"). Throws QuorateError with what stood in the way last. */
export async function discover(discovery: Discovery, timeout: string, deps: DiscoveryDeps): Promise<FoundCluster> {
  if (discovery.file) return clusterOf(await deps.read(discovery.file.kubeConfigPath), discovery.file.kubeConfigPath)
  const token = discovery.bootstrapToken
  if (!token) throw new QuorateError('BadUsage', 'neither a token nor a file tells where the cluster is')
  const deadline = deps.clock.monotonic() + (parseDurationMs(timeout) ?? 0)
  for (;;) {
    try {
      return await byToken(token, deps)
    } catch (error) {
      // What an untrusted answer says will not become right by waiting; what is not there yet may.
      if (!(error instanceof NotYet)) throw error
      if (deps.clock.monotonic() >= deadline)
        throw new QuorateError('DiscoveryTimeout', `the cluster was not found within ${timeout}: ${error.message}`, {
          remedy: error.remedy,
          cause: error,
        })
      await deps.clock.sleep(retryMs)
    }
  }
}

/** Worth another try. */
class NotYet extends QuorateError {}

type ByToken = NonNullable<Discovery['bootstrapToken']>

async function byToken({ token, apiServerEndpoint, caCertHashes = [] }: ByToken, deps: DiscoveryDeps): Promise<FoundCluster> {
  const server = `https://${apiServerEndpoint}`
  const text = verified(await clusterInfo(deps.connect(server, undefined), server), token)
  const found = clusterOf(text, 'cluster-info')
  if (caCertHashes.length === 0) return found
  assertPinned(found.caPem, caCertHashes)
  // Whoever answered first may have been somebody else with the same text: now the connection itself proves it.
  const again = verified(await clusterInfo(deps.connect(server, found.caPem), server), token)
  if (again !== text) throw new QuorateError('ClusterInfoChanged', 'cluster-info has changed between two reads', { remedy: 'Try again.' })
  return found
}

async function clusterInfo(transport: Transport, server: string): Promise<ConfigMap> {
  try {
    const { status, body } = await transport.request({ method: 'GET', path: clusterInfoPath })
    if (status === 200) return JSON.parse(new TextDecoder().decode(body)) as ConfigMap
    throw new NotYet('ClusterInfoMissing', `${server} answers ${status} when asked for kube-public/cluster-info`, {
      remedy: 'Run "quorate init phase bootstrap-token" on a control plane.',
    })
  } catch (error) {
    if (error instanceof NotYet) throw error
    throw new NotYet('ClusterUnreachable', `${server} cannot be reached: ${messageOf(error)}`, {
      remedy: 'See that the address is right, the control plane runs, and no firewall is between.',
    })
  } finally {
    await transport.close()
  }
}

/** The kubeconfig of cluster-info, when a signature by this token says that it is genuine. */
function verified({ data = {} }: ConfigMap, token: string): string {
  const [id = '', secret = ''] = token.split('.')
  const { kubeconfig } = data
  if (!kubeconfig)
    throw new NotYet('ClusterInfoMissing', 'cluster-info has no kubeconfig', {
      remedy: 'Run "quorate init phase bootstrap-token" on a control plane.',
    })
  const signature = data[`jws-kubeconfig-${id}`]
  if (!signature)
    throw new NotYet('TokenUnknown', `the token id "${id}" is not (or no longer) known to the cluster`, {
      remedy: 'Make a new one on a control plane: "quorate token create --print-join-command".',
    })
  const [header = '', , given = ''] = signature.split('.')
  const content = Buffer.from(kubeconfig).toString('base64url')
  const expected = createHmac('sha256', secret).update(`${header}.${content}`).digest()
  const actual = Buffer.from(given, 'base64url')
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected))
    throw new QuorateError(
      'TokenWrong',
      `the signature of cluster-info does not fit the token "${id}": its secret is wrong, or somebody stands between`,
      {
        remedy: 'Check the token, or make a new one: "quorate token create --print-join-command".',
      },
    )
  return kubeconfig
}

function assertPinned(caPem: string, hashes: readonly string[]): void {
  const actual = authorityHash(caPem)
  if (hashes.some((hash) => hash.toLowerCase() === actual)) return
  throw new QuorateError('AuthorityWrong', `the cluster's authority has the hash ${actual}, which is not among those that are trusted`, {
    remedy: 'Compare with "quorate token create --print-join-command" on a control plane; if that differs, somebody stands between.',
  })
}

function clusterOf(text: string, source: string): FoundCluster {
  const config = parse(text) as { clusters?: { cluster?: { server?: string; 'certificate-authority-data'?: string } }[] } | null
  const { server, 'certificate-authority-data': data } = config?.clusters?.[0]?.cluster ?? {}
  const caPem = Buffer.from(data ?? '', 'base64').toString()
  try {
    if (server && new X509Certificate(caPem).ca) return { server, caPem }
  } catch {
    // Said below.
  }
  throw new QuorateError('ClusterInfoUnusable', `${source} does not name a server and its authority`, {
    remedy: 'Run "quorate init phase bootstrap-token" on a control plane.',
  })
}
