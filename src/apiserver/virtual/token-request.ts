import type { KubeObject, UnknownObject } from '../../api/object.js'
import { badRequest, conflict, type Fault, invalid, notFound, StatusError } from '../../api/status.js'
import type { BoundObjectReference, TokenRequestSpec } from '../../api/types/authentication-v1.js'
import type { Node, Pod, Secret, ServiceAccount } from '../../api/types/core-v1.js'
import { type Clock, timestamp } from '../../base/clock.js'
import type { Random } from '../../base/random.js'
import { resources } from '../../client/resources.js'
import type { ServerAccess } from '../access.js'
import type { TokenIssuer, TokenSpec } from '../authn/service-account/issuer.js'
import { liveObject } from '../live-objects.js'
import type { VirtualResource } from './virtual-resource.js'

const secondsMin = 600
const secondsMax = 2 ** 32

export interface TokenRequestDeps {
  readonly access: ServerAccess
  readonly issuer: TokenIssuer
  readonly clock: Clock
  readonly random: Random
  /** --api-audiences: what a token without audiences is for. */
  readonly audiences: readonly string[]
}

/** POST serviceaccounts/NAME/token: a bound token (KEP-1205), tied to a pod, secret or node when one is named. */
export function tokenRequest({ access, issuer, clock, random, audiences }: TokenRequestDeps): VirtualResource {
  const accounts = liveObject<ServiceAccount>(access, resources.serviceAccounts)
  const bindings = boundObjects(access)
  return {
    resource: resources.serviceAccounts,
    subresource: 'token',
    async create(object, { namespace, name, dryRun }) {
      const account = await accounts(namespace, name)
      if (!account) throw notFound(resources.serviceAccounts, name)
      checkNames(object, namespace, name)
      const asked = (object['spec'] ?? {}) as TokenRequestSpec
      const spec = {
        audiences: asked.audiences?.length ? asked.audiences : [...audiences],
        expirationSeconds: asked.expirationSeconds ?? 3600,
        // The field is always written, empty or not.
        boundObjectRef: asked.boundObjectRef ?? null,
      }
      refuse(expirationFaults(spec.expirationSeconds))
      const bound = asked.boundObjectRef ? await bindings(asked.boundObjectRef, account) : {}
      const { token, expirationTimestamp } = dryRun
        ? { token: '', expirationTimestamp: timestamp(clock.now() + spec.expirationSeconds * 1000) }
        : await issuer.issue({
            namespace,
            account: { name, uid: account.metadata.uid ?? '' },
            audiences: spec.audiences,
            expirationSeconds: spec.expirationSeconds,
            ...bound,
          })
      const metadata = { ...object.metadata, name, namespace, uid: random.uuid(), creationTimestamp: timestamp(clock.now()) }
      return { ...object, metadata, spec, status: { token, expirationTimestamp } }
    },
  }
}

function checkNames({ metadata }: UnknownObject, namespace: string, name: string): void {
  if (metadata?.name && metadata.name !== name)
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`)
  if (metadata?.namespace && metadata.namespace !== namespace)
    throw badRequest(`the namespace of the object (${metadata.namespace}) does not match the namespace on the URL (${namespace})`)
}

function expirationFaults(seconds: number): Fault[] {
  const path = 'spec.expirationSeconds'
  if (seconds < secondsMin)
    return [{ path, reason: 'FieldValueInvalid', value: seconds, detail: 'may not specify a duration less than 10 minutes' }]
  if (seconds > secondsMax)
    return [{ path, reason: 'FieldValueInvalid', value: seconds, detail: 'may not specify a duration larger than 2^32 seconds' }]
  return []
}

function refuse(faults: readonly Fault[]): void {
  if (faults.length === 0) return
  const { status } = invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', faults)
  const { name: _, ...details } = status.details ?? {}
  throw new StatusError({ ...status, details })
}

/** Looks the named object up and says what of it the token holds. */
function boundObjects(access: ServerAccess): (ref: BoundObjectReference, account: ServiceAccount) => Promise<Partial<TokenSpec>> {
  const pods = liveObject<Pod>(access, resources.pods)
  const secrets = liveObject<Secret>(access, resources.secrets)
  const nodes = liveObject<Node>(access, resources.nodes)
  return async (ref, account) => {
    const namespace = account.metadata.namespace ?? ''
    const name = ref.name ?? ''
    switch (`${ref.apiVersion ?? ''}/${ref.kind ?? ''}`) {
      case 'v1/Pod': {
        const pod = found(await pods(namespace, name), resources.pods, ref)
        if (pod.spec?.serviceAccountName !== account.metadata.name)
          throw badRequest(
            `cannot bind token for serviceaccount "${account.metadata.name}" to pod running with different serviceaccount name.`,
          )
        const nodeName = pod.spec?.nodeName
        const node = nodeName ? await nodes('', nodeName) : undefined
        return {
          pod: referenceTo(pod),
          ...(nodeName ? { node: { name: nodeName, ...(node?.metadata.uid ? { uid: node.metadata.uid } : {}) } } : {}),
        }
      }
      case 'v1/Secret':
        return { secret: referenceTo(found(await secrets(namespace, name), resources.secrets, ref)) }
      case 'v1/Node':
        return { node: referenceTo(found(await nodes('', name), resources.nodes, ref)) }
      default:
        throw badRequest(`cannot bind token to object of type ${ref.apiVersion ?? ''}, Kind=${ref.kind ?? ''}`)
    }
  }
}

function found<T extends KubeObject>(object: T | undefined, of: { group: string; resource: string }, ref: BoundObjectReference): T {
  if (!object) throw notFound(of, ref.name ?? '')
  if (ref.uid && ref.uid !== object.metadata.uid)
    throw conflict(
      { group: '', resource: ref.kind ?? '' },
      ref.name ?? '',
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    )
  return object
}

const referenceTo = ({ metadata }: KubeObject) => ({ name: metadata.name ?? '', uid: metadata.uid ?? '' })
