/**
 * A client that acts as a service account of kube-system, one for each controller (--use-service-account-credentials): what a
 * controller may do is then what its own role says. Tokens come from TokenRequests and are renewed before they end.
 */
import type { TokenRequest } from '../../api/types/authentication-v1.js'
import type { ServiceAccount } from '../../api/types/core-v1.js'
import { hasReason } from '../../api/status.js'
import type { Clock } from '../../base/clock.js'
import type { Client, Transport, TransportRequest } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import { restClient } from '../../client/rest-client.js'

export interface ServiceAccountClientOptions {
  /** May create service accounts and their tokens. */
  readonly root: Client
  /** Carries requests that prove themselves by their token. */
  readonly transport: Transport
  readonly userAgent: string
  readonly clock: Clock
}

const namespace = 'kube-system'
const tokenSeconds = 3600
/** A token is renewed when this part of its life has passed. */
const renewAfter = 0.8

/** Upstream's service accounts of controllers that are not named like the controller itself. */
const accountOf: Readonly<Record<string, string>> = {
  'endpoints-controller': 'endpoint-controller',
  'endpointslice-mirroring-controller': 'endpointslicemirroring-controller',
  'replicationcontroller-controller': 'replication-controller',
  'pod-garbage-collector-controller': 'pod-garbage-collector',
  'serviceaccount-controller': 'service-account-controller',
  'garbage-collector-controller': 'generic-garbage-collector',
  'daemonset-controller': 'daemon-set-controller',
  'horizontal-pod-autoscaler-controller': 'horizontal-pod-autoscaler',
  'certificatesigningrequest-signing-controller': 'certificate-controller',
  'certificatesigningrequest-approving-controller': 'certificate-controller',
  'certificatesigningrequest-cleaner-controller': 'certificate-controller',
  'bootstrap-signer-controller': 'bootstrap-signer',
  'token-cleaner-controller': 'token-cleaner',
  'node-ipam-controller': 'node-controller',
  'node-lifecycle-controller': 'node-controller',
  'taint-eviction-controller': 'node-controller',
  'persistentvolume-binder-controller': 'persistent-volume-binder',
  'persistentvolume-attach-detach-controller': 'attachdetach-controller',
  'persistentvolume-expander-controller': 'expand-controller',
  'persistentvolumeclaim-protection-controller': 'pvc-protection-controller',
  'persistentvolume-protection-controller': 'pv-protection-controller',
  'root-ca-certificate-publisher-controller': 'root-ca-cert-publisher',
  'resourceclaim-controller': 'resource-claim-controller',
  'legacy-serviceaccount-token-cleaner-controller': 'legacy-service-account-token-cleaner',
  'service-cidr-controller': 'service-cidrs-controller',
}

/** These act as the manager itself: they make what the others' credentials come from. */
const actAsManager: ReadonlySet<string> = new Set(['serviceaccount-token-controller'])

/** One client an account, shared by the controllers that use it. */
export function serviceAccountClients(options: ServiceAccountClientOptions): (controller: { readonly name: string }) => Client {
  const clients = new Map<string, Client>()
  return ({ name }) => {
    if (actAsManager.has(name)) return options.root
    const account = accountOf[name] ?? name
    let client = clients.get(account)
    if (!client) clients.set(account, (client = serviceAccountClient(account, options)))
    return client
  }
}

function serviceAccountClient(account: string, { root, transport, userAgent, clock }: ServiceAccountClientOptions): Client {
  const tokens = new Tokens(account, root, clock)
  const send = async <R>(request: TransportRequest, pass: (request: TransportRequest) => Promise<R>): Promise<R> =>
    pass({ ...request, headers: { ...request.headers, authorization: `Bearer ${await tokens.current()}` } })
  const asAccount: Transport = {
    async request(request) {
      const answer = await send(request, (each) => transport.request(each))
      if (answer.status !== 401) return answer
      // The account was deleted and made anew, or the signing key changed: its tokens died early.
      tokens.drop()
      return send(request, (each) => transport.request(each))
    },
    stream: (request) => send(request, (each) => transport.stream(each)),
    // The transport is the other accounts' too.
    close: () => Promise.resolve(),
  }
  return restClient(asAccount, { userAgent: `${userAgent}/system:serviceaccount:${namespace}:${account}` })
}

class Tokens {
  readonly #account: string
  readonly #root: Client
  readonly #clock: Clock
  #token: { readonly text: string; readonly untilMs: number } | undefined
  #pending: Promise<string> | undefined

  constructor(account: string, root: Client, clock: Clock) {
    this.#account = account
    this.#root = root
    this.#clock = clock
  }

  current(): string | Promise<string> {
    if (this.#token && this.#clock.monotonic() < this.#token.untilMs) return this.#token.text
    this.#pending ??= this.#request().finally(() => {
      this.#pending = undefined
    })
    return this.#pending
  }

  drop(): void {
    this.#token = undefined
  }

  async #request(): Promise<string> {
    const startedMs = this.#clock.monotonic()
    const answer = await this.#ask().catch(async (error: unknown) => {
      if (!hasReason(error, 'NotFound')) throw error
      await this.#makeAccount()
      return this.#ask()
    })
    const text = answer.status?.token ?? ''
    this.#token = { text, untilMs: startedMs + tokenSeconds * 1000 * renewAfter }
    return text
  }

  #ask(): Promise<TokenRequest> {
    const body: TokenRequest = { metadata: {}, spec: { expirationSeconds: tokenSeconds } }
    return this.#root
      .resource<ServiceAccount>(resources.serviceAccounts)
      .createSubresource<TokenRequest, TokenRequest>(namespace, this.#account, 'token', body)
  }

  async #makeAccount(): Promise<void> {
    try {
      await this.#root.resource<ServiceAccount>(resources.serviceAccounts).create({ metadata: { name: this.#account, namespace } })
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error
    }
  }
}
