import type { Clock } from '../../base/clock.js'
import { messageOf } from '../../base/errors.js'
import type { Logger } from '../../base/logger.js'
import type { Store } from '../../storage/store.js'
import type { ServerAccess } from '../access.js'
import type { ClusterIpAllocator } from '../allocators/cluster-ip.js'
import type { NodePortAllocator } from '../allocators/node-port.js'
import { allocationRepair, repairIntervalMs } from '../allocators/repair.js'
import { type AuthenticationInfo, publishAuthenticationInfo } from './authentication-info.js'
import { bootstrapNamespaces, bootstrapSet } from './bootstrap.js'
import { endpointReconciler } from './endpoint-reconciler.js'
import { identityLeaseHook } from './identity-lease.js'
import { ensureKubernetesService, ensureServiceCidr } from './kubernetes-service.js'
import type { PostStartHook } from './post-start-hook.js'
import type { ServerAddress } from './server-endpoints.js'

export interface HookDeps {
  readonly access: ServerAccess
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  readonly addresses: ClusterIpAllocator
  readonly ports: NodePortAllocator
  /** --service-cluster-ip-range. */
  readonly serviceCidrs: readonly string[]
  /** How others reach this server (--advertise-address and port). */
  readonly self: ServerAddress
  readonly authenticationInfo: AuthenticationInfo
  /** --endpoint-reconciler-type=none leaves default/kubernetes' endpoints to somebody else. */
  readonly reconcileEndpoints?: boolean
  /** Name for the server's own Lease ("apiserver-cp-1"), and its host's; without it there is none. */
  readonly identity?: { readonly name: string; readonly hostname: string }
}

/** The hooks of every server, under upstream's names. They start together; each waits for the namespaces itself. */
export function postStartHooks(deps: HookDeps): PostStartHook[] {
  const { access, clock, logger } = deps
  let namespaces: Promise<void> | undefined
  const inNamespaces = async (work: () => Promise<unknown>) => {
    namespaces ??= bootstrapNamespaces(access, logger)
    await namespaces
    await work()
  }
  const sets = (name: string, ...kinds: readonly string[]): PostStartHook => ({
    name,
    start: () => inNamespaces(() => Promise.all(kinds.map((kind) => bootstrapSet(access, kind, logger)))),
  })
  return [
    { name: 'start-system-namespaces-controller', start: () => inNamespaces(() => Promise.resolve()) },
    sets('rbac/bootstrap-roles', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'),
    sets('scheduling/bootstrap-system-priority-classes', 'PriorityClass'),
    sets('priority-and-fairness-config-producer', 'FlowSchema', 'PriorityLevelConfiguration'),
    sets('apiservice-registration-controller', 'APIService'),
    {
      name: 'start-cluster-authentication-info-controller',
      start: () => inNamespaces(() => publishAuthenticationInfo(access, deps.authenticationInfo)),
    },
    {
      name: 'start-kubernetes-service-cidr-controller',
      start: () => ensureServiceCidr(access, { cidrs: deps.serviceCidrs, clock }),
    },
    kubernetesServiceHook(deps, inNamespaces),
    repairHook(deps),
    ...(deps.identity ? [identityHook(deps, deps.identity, inNamespaces)] : []),
  ]
}

function identityHook(
  { access, clock, logger }: HookDeps,
  { name, hostname }: { name: string; hostname: string },
  inNamespaces: (work: () => Promise<unknown>) => Promise<void>,
): PostStartHook {
  const hook = identityLeaseHook({ access, clock, logger, identity: name, hostname })
  return { ...hook, start: (signal) => inNamespaces(() => hook.start(signal)) }
}

function kubernetesServiceHook(deps: HookDeps, inNamespaces: (work: () => Promise<unknown>) => Promise<void>): PostStartHook {
  const { access, store, clock, logger, self } = deps
  const reconciler = endpointReconciler({ access, store, clock, logger, self })
  const reconciles = deps.reconcileEndpoints ?? true
  let started = false
  return {
    name: 'bootstrap-controller',
    start: (signal) =>
      inNamespaces(async () => {
        await ensureKubernetesService(access, { cidrs: deps.serviceCidrs, port: self.port, clock, signal })
        if (!reconciles) return
        started = true
        await reconciler.start()
      }),
    stop: async (how) => {
      if (started) await reconciler.stop(how)
    },
  }
}

/** Runs beside everything else: a start does not wait for a pass over all Services. */
function repairHook({ access, addresses, ports, clock, logger }: HookDeps): PostStartHook {
  const repair = allocationRepair({ access, addresses, ports, clock, logger })
  const loop = async (signal: AbortSignal) => {
    for (;;) {
      await clock.sleep(repairIntervalMs, signal)
      await repair.pass().catch((error: unknown) => logger.warn('service allocations cannot be repaired', { error: messageOf(error) }))
    }
  }
  return {
    name: 'start-service-ip-repair-controllers',
    start(signal) {
      // Ends by the signal alone.
      loop(signal).catch(() => undefined)
      return Promise.resolve()
    },
  }
}
