/** The HTTPS server of a kubelet, or of a fleet of them: who may ask what is decided by the cluster. */
import { Health } from '../../apiserver/health.js'
import { Metrics } from '../../base/metrics.js'
import type { Client } from '../../client/client.js'
import { KubeletServer, type KubeletServerOptions } from '../../kubelet/server/kubelet-server.js'
import type { HostedDeps } from './component.js'
import type { KubeletConfig } from './kubelet-config.js'
import { serve, type Serving } from './serving/serve.js'

export interface KubeletServingOptions extends KubeletServerOptions {
  readonly component: string
  readonly host: string
  readonly port: number
  readonly cert?: string
  readonly key?: string
  readonly clientCa?: string
  readonly ipAddresses: readonly string[]
  readonly access: Pick<
    KubeletConfig,
    'anonymous' | 'webhookAuthentication' | 'authorizationMode' | 'authenticationTtlMs' | 'allowedTtlMs' | 'deniedTtlMs'
  >
  /** Asked for TokenReviews and SubjectAccessReviews. */
  readonly client: Client
  readonly deps: HostedDeps
  configz?(): Readonly<Record<string, unknown>>
}

export function serveKubelet(options: KubeletServingOptions): Promise<Serving> {
  const { component, host, port, cert, key, clientCa, ipAddresses, access, client, deps, configz } = options
  const server = new KubeletServer(options)
  const health = new Health()
  health.add({ name: 'ping', check: () => undefined }, 'healthz')
  health.add({ name: 'syncloop', check: () => undefined }, 'healthz')
  const metrics = new Metrics()
  metrics.gaugeOf('kubelet_running_pods', 'Number of pods that have a running pod sandbox', [], () => [
    [[], [...options.runtime.pods()].length],
  ])
  metrics.gaugeOf(
    'kubelet_active_pods',
    'The number of pods the kubelet considers active and which are being considered when admitting new pods.',
    ['static'],
    () => {
      const counts = { true: 0, false: 0 }
      for (const { isStatic } of options.workers.records()) counts[`${isStatic}`]++
      return Object.entries(counts).map(([isStatic, count]) => [[isStatic], count] as const)
    },
  )
  return serve({
    ...{ component, host, port, ipAddresses, deps, health, metrics },
    ...(cert && key ? { cert, key } : {}),
    ...(clientCa ? { clientCa } : {}),
    ...(configz ? { configz: () => configz() } : {}),
    auth: {
      ...(access.webhookAuthentication ? { authenticationClient: client } : {}),
      ...(access.authorizationMode === 'Webhook' ? { authorizationClient: client } : {}),
      anonymous: access.anonymous,
      alwaysAllowPaths: access.authorizationMode === 'AlwaysAllow' ? ['*'] : [],
      ...{ tokenTtlMs: access.authenticationTtlMs, allowedTtlMs: access.allowedTtlMs, deniedTtlMs: access.deniedTtlMs },
    },
    attributesOf: (request) => server.attributesOf(request),
    handle: (request, responder) => server.handle(request, responder),
  })
}
