import { describe, expect, it } from 'vitest'
import { silentLogger } from '../base/logger.js'
import { seededRandom } from '../base/random.js'
import { realClock } from '../base/real-clock.js'
import type { Node } from '../api/types/core-v1.js'
import { type Client, ConnectionError, type ResourceClient } from '../client/client.js'
import { resources } from '../client/resources.js'
import { testApiServer } from '../client/testdata/api-server.js'
import type { LocalCluster, LocalContext } from './context.js'
import { nodesReady } from './ready.js'

/** A client whose first patch is lost on the way. */
function losesFirstPatch(client: Client): Client {
  let lost = false
  const resource = (of: Parameters<Client['resource']>[0]) => {
    const real = client.resource<never>(of)
    const patch: ResourceClient<never>['patch'] = (...args) => {
      if (lost) return real.patch(...args)
      lost = true
      return Promise.reject(new ConnectionError('reset'))
    }
    return new Proxy(real, { get: (target, name) => (name === 'patch' ? patch : (Reflect.get(target, name) as () => void).bind?.(target)) })
  }
  return { ...client, resource } as Client
}

describe('waiting for the nodes of a new cluster', () => {
  it('marks a control plane although the first patch is lost', async () => {
    const { client, stop } = await testApiServer()
    const nodes = client.resource<Node>(resources.nodes)
    await nodes.create({ metadata: { name: 'cp-1' } } as Node)
    const context = { clock: realClock(), logger: silentLogger, random: seededRandom(1) } as unknown as LocalContext
    const cluster = { state: { name: 'test', controlPlanes: [{ name: 'cp-1' }], workers: [] } } as unknown as LocalCluster
    await nodesReady(context, cluster, losesFirstPatch(client), {
      signal: AbortSignal.timeout(10_000),
      forReady: false,
      onProgress: () => undefined,
    })
    expect((await nodes.get('', 'cp-1')).metadata.labels).toHaveProperty(['node-role.kubernetes.io/control-plane'], '')
    await stop()
  })
})
