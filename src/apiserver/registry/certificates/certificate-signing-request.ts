import { timestamp } from '../../../base/clock.js'
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../../api/types/certificates-v1.js'
import type { UserInfo } from '../../authn/authenticator.js'
import type { Strategy, StrategyContext } from '../strategy.js'

type Request = CertificateSigningRequest
const decisions = new Set(['Approved', 'Denied'])

/** Certificate requests: who asks is the server's word; approval and the certificate are written through their own subresources. */
export const certificateSigningRequestStrategy: Strategy<Request> = {
  resource: { group: 'certificates.k8s.io', resource: 'certificatesigningrequests' },
  generation: 'none',
  prepareForCreate(request, { user }) {
    Object.assign(request.spec, requester(user))
    for (const field of ['uid', 'groups', 'extra'] as const) if (requester(user)[field] === undefined) delete request.spec[field]
    request.status = {}
  },
  prepareForUpdate(request, old) {
    request.spec = structuredClone(old.spec)
    request.status = structuredClone(old.status ?? {})
  },
  prepareForStatusUpdate(request, old, context) {
    request.spec = structuredClone(old.spec)
    // Decisions go through /approval, where the approver's right to the signer is checked.
    const kept = (old.status?.conditions ?? []).filter(({ type }) => decisions.has(type))
    const given = (request.status?.conditions ?? []).filter(({ type }) => !decisions.has(type))
    setConditions(request, [...structuredClone(kept), ...given], old, context)
  },
  subresources: {
    approval: {
      prepareForUpdate(request, old, context) {
        request.spec = structuredClone(old.spec)
        const conditions = request.status?.conditions ?? []
        request.status = structuredClone(old.status ?? {})
        setConditions(request, conditions, old, context)
      },
    },
  },
  selectableFields: {
    'spec.signerName': (request) => request.spec?.signerName ?? '',
  },
}

function requester(user: UserInfo): Pick<Request['spec'], 'username' | 'uid' | 'groups' | 'extra'> {
  return {
    username: user.name,
    ...(user.uid ? { uid: user.uid } : {}),
    ...(user.groups.length > 0 ? { groups: [...user.groups] } : {}),
    ...(user.extra ? { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) } : {}),
  }
}

/** Times that the writer left out are now; an unchanged status keeps its transition time. */
function setConditions(request: Request, conditions: CertificateSigningRequestCondition[], old: Request, { clock }: StrategyContext): void {
  const now = timestamp(clock.now())
  const status = (request.status ??= {})
  if (conditions.length === 0) {
    delete status.conditions
    return
  }
  status.conditions = conditions.map((condition) => {
    const before = old.status?.conditions?.find((candidate) => candidate.type === condition.type && candidate.status === condition.status)
    return {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime ?? now,
      lastTransitionTime: condition.lastTransitionTime ?? before?.lastTransitionTime ?? now,
    }
  })
}
