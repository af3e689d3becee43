import type { Clock } from '../base/clock.js'
import { QuorateError } from '../base/errors.js'
import type { Random } from '../base/random.js'
import type { Secret } from '../api/types/core-v1.js'
import { resources } from '../client/resources.js'
import type { Store } from '../storage/store.js'
import type { ServerAccess } from './access.js'
import type { AdmissionPlugin } from './admission/admission.js'
import type { AdmissionDeps } from './admission/plugin.js'
import { type AdmissionChoice, buildAdmission } from './admission/plugins.js'
import { rbacEscalation } from './admission/rbac-escalation/rbac-escalation.js'
import { type ClusterIpAllocator, clusterIpAllocator } from './allocators/cluster-ip.js'
import { type NodePortAllocator, nodePortAllocator } from './allocators/node-port.js'
import { serviceAllocator } from './allocators/service-allocator.js'
import type { Authenticator } from './authn/authenticator.js'
import { bootstrapTokens } from './authn/bootstrap-token.js'
import { clientCertificate } from './authn/client-certificate.js'
import { requestHeader, type RequestHeaderOptions } from './authn/request-header.js'
import { serviceAccountTokens } from './authn/service-account/authenticator.js'
import { type TokenIssuer, tokenIssuer } from './authn/service-account/issuer.js'
import { parseSigningKey, parseVerificationKeys, type VerificationKey } from './authn/service-account/keys.js'
import { parseTokenFile, staticTokens } from './authn/static-token.js'
import { bearerToken, type TokenAuthenticator, unionTokens } from './authn/token-authenticator.js'
import { unionAuthenticators } from './authn/union.js'
import type { Authorizer } from './authz/authorizer.js'
import { nodeAuthorizer } from './authz/node/node.js'
import { type RbacAuthorizer, rbacAuthorizer } from './authz/rbac/rbac.js'
import { alwaysAllow, alwaysDeny, privilegedGroup, unionAuthorizers } from './authz/union.js'
import { nodeRules } from './bootstrap/objects.js'
import { buildStrategies } from './registry/strategies.js'
import type { Strategy } from './registry/strategy.js'
import { podBindings, podEviction } from './virtual/eviction.js'
import { accessReviews } from './virtual/subject-access-review.js'
import { tokenRequest } from './virtual/token-request.js'
import { selfSubjectReview, tokenReview } from './virtual/token-review.js'
import { virtualKey, type VirtualResource } from './virtual/virtual-resource.js'

export { postStartHooks } from './bootstrap/hooks.js'

/** Puts the API server's default parts together from its options. Files have been read before: nothing here touches a disk. */

export interface AuthenticationOptions {
  /** --client-ca-file was given. */
  readonly clientCertificates: boolean
  /** --requestheader-*. */
  readonly requestHeader?: RequestHeaderOptions
  /** Text of --token-auth-file. */
  readonly tokenFile?: string
  /** --enable-bootstrap-token-auth. */
  readonly bootstrapTokens: boolean
  readonly serviceAccounts?: ServiceAccountOptions
  /** --anonymous-auth. */
  readonly anonymous: boolean
  /** --api-audiences; default: the issuers. */
  readonly apiAudiences?: readonly string[]
}

export interface ServiceAccountOptions {
  /** --service-account-issuer, the first one signs. */
  readonly issuers: readonly string[]
  /** PEM texts of --service-account-key-file (and of the signing key, which verifies too). */
  readonly keyPems: readonly string[]
  /** PEM text of --service-account-signing-key-file. */
  readonly signingKeyPem?: string
  readonly extendExpiration?: boolean
  readonly expirationSecondsMax?: number
}

export interface Authentication {
  readonly authenticator: Authenticator
  readonly tokens: TokenAuthenticator
  readonly audiences: readonly string[]
  /** For openIdDocuments (authn/service-account/discovery.ts). */
  readonly keys: readonly VerificationKey[]
  /** undefined without a signing key: then there are no token requests. */
  readonly issuer?: TokenIssuer
}

interface Deps {
  readonly access: ServerAccess
  readonly clock: Clock
  readonly random: Random
}

export function defaultAuthenticators(options: AuthenticationOptions, { access, clock, random }: Deps): Authentication {
  const { serviceAccounts } = options
  const audiences = options.apiAudiences ?? serviceAccounts?.issuers ?? []
  const signing = serviceAccounts?.signingKeyPem ? parseSigningKey(serviceAccounts.signingKeyPem) : undefined
  const keys = [...(serviceAccounts?.keyPems ?? []).flatMap(parseVerificationKeys), ...(signing ? [signing] : [])]
  const tokens = unionTokens([
    ...(options.tokenFile === undefined ? [] : [staticTokens(parseTokenFile(options.tokenFile), audiences)]),
    ...(serviceAccounts && keys.length > 0 ? [serviceAccountTokens({ access, clock, issuers: serviceAccounts.issuers, keys })] : []),
    ...(options.bootstrapTokens ? [bootstrapTokens({ secrets: access.lister<Secret>(resources.secrets), clock, audiences })] : []),
  ])
  const authenticator = unionAuthenticators(
    [
      ...(options.requestHeader ? [requestHeader(options.requestHeader)] : []),
      ...(options.clientCertificates ? [clientCertificate()] : []),
      bearerToken(tokens, audiences),
    ],
    { anonymous: options.anonymous },
  )
  const [issuer] = serviceAccounts?.issuers ?? []
  if (!signing || !issuer) return { authenticator, tokens, audiences, keys }
  return {
    authenticator,
    tokens,
    audiences,
    keys,
    issuer: tokenIssuer({
      issuer,
      key: signing,
      clock,
      random,
      ownAudiences: audiences,
      extendExpiration: serviceAccounts?.extendExpiration ?? true,
      ...(serviceAccounts?.expirationSecondsMax ? { expirationSecondsMax: serviceAccounts.expirationSecondsMax } : {}),
    }),
  }
}

export interface Authorization {
  readonly authorizer: Authorizer
  /** Set when RBAC is among the modes. */
  readonly rbac?: RbacAuthorizer
  /** Resolves when what the authorizers decide by is in memory. */
  synced(): Promise<void>
  stop(): void
}

/** `modes`: --authorization-mode, in order. */
export function defaultAuthorizers(modes: readonly string[], access: ServerAccess): Authorization {
  const rbac = modes.includes('RBAC') ? rbacAuthorizer(access) : undefined
  const node = modes.includes('Node') ? nodeAuthorizer(access, nodeRules) : undefined
  const known: Readonly<Record<string, Authorizer | undefined>> = {
    RBAC: rbac,
    Node: node,
    AlwaysAllow: alwaysAllow,
    AlwaysDeny: alwaysDeny,
  }
  const chosen = modes.map((mode) => {
    const authorizer = Object.hasOwn(known, mode) ? known[mode] : undefined
    if (!authorizer)
      throw new QuorateError('AuthorizationModeUnknown', `the authorization mode ${JSON.stringify(mode)} is not known`, {
        remedy: 'Name some of: Node, RBAC, AlwaysAllow, AlwaysDeny.',
      })
    return authorizer
  })
  return {
    authorizer: unionAuthorizers([privilegedGroup, ...chosen]),
    ...(rbac ? { rbac } : {}),
    async synced() {
      await Promise.all([rbac?.synced(), node?.synced()])
    },
    stop() {
      rbac?.stop()
      node?.stop()
    },
  }
}

/** The admission chain, in order. RBAC's own escalation rule comes with RBAC and last. */
export function defaultAdmission(deps: AdmissionDeps, rbac: RbacAuthorizer | undefined, choice: AdmissionChoice = {}): AdmissionPlugin[] {
  return [...buildAdmission(deps, choice), ...(rbac ? [rbacEscalation(rbac, deps.authorizer)] : [])]
}

/** Reviews, token requests and evictions by `virtualKey`. */
export function virtualResources(
  { access, clock, random }: Deps,
  authentication: Authentication,
  authorizer: Authorizer,
): ReadonlyMap<string, VirtualResource> {
  const { tokens, audiences, issuer } = authentication
  const all = [
    ...accessReviews(authorizer),
    tokenReview(tokens, audiences),
    selfSubjectReview(clock),
    podEviction(access, clock),
    podBindings(access),
    ...(issuer ? [tokenRequest({ access, issuer, clock, random, audiences })] : []),
  ]
  return new Map(all.map((one) => [virtualKey(one.resource, one.subresource), one]))
}

export interface AllocationOptions {
  /** --service-cluster-ip-range: one range, or one of each family. */
  readonly serviceCidrs: readonly string[]
  /** --service-node-port-range. */
  readonly nodePorts?: { readonly first: number; readonly last: number }
}

export interface Allocators {
  readonly addresses: ClusterIpAllocator
  readonly ports: NodePortAllocator
}

export function defaultAllocators(
  { access, random }: Pick<Deps, 'access' | 'random'>,
  store: Store,
  options: AllocationOptions,
): Allocators {
  return {
    addresses: clusterIpAllocator(access, { cidrs: options.serviceCidrs, random }),
    ports: nodePortAllocator(store, { ...(options.nodePorts ?? { first: 30000, last: 32767 }), random }),
  }
}

export function defaultStrategies({ addresses, ports }: Allocators, eventTtlSeconds?: number): ReadonlyMap<string, Strategy> {
  return buildStrategies({ services: serviceAllocator(addresses, ports), ...(eventTtlSeconds ? { eventTtlSeconds } : {}) })
}
