/** certificatesigningrequest-cleaner-controller: requests that have run their course are deleted, looked at every hour. */
import { hasReason } from '../../api/status.js'
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.js'
import { messageOf } from '../../base/errors.js'
import { resources } from '../../client/resources.js'
import { inParallel } from '../common/parallel.js'
import type { Controller, View } from '../controller.js'

type Request = CertificateSigningRequest

const hourMs = 3_600_000
const deletionsAtOnce = 5

/** Reads the end of a certificate's validity; undefined when it is none. */
export type NotAfter = (pem: string) => number | undefined

export function certificateCleanerController(notAfter: NotAfter): Controller {
  return {
    name: 'certificatesigningrequest-cleaner-controller',
    watches: [{ resource: resources.certificateSigningRequests, toKeys: () => [] }],
    start: (view) => view.enqueue('all'),
    async reconcile(_, view) {
      const requests = view.lister<Request>(resources.certificateSigningRequests).list()
      await clean(
        requests.filter((request) => isPast(request, view.clock.now(), notAfter)),
        view,
      )
      return { requeueAfterMs: hourMs }
    },
  }
}

async function clean(requests: readonly Request[], { client, logger }: View): Promise<void> {
  const errors = await inParallel(requests, deletionsAtOnce, async ({ metadata: { name = '', uid } }) => {
    await client.resource(resources.certificateSigningRequests).delete('', name, { preconditions: { uid } })
  })
  for (const error of errors)
    if (!hasReason(error, 'NotFound')) logger.warn('A certificate request was not deleted', { error: messageOf(error) })
}

/** An hour after it was granted, denied or failed; a day after it was made and nobody cared; when the certificate has expired. */
export function isPast(request: Request, nowMs: number, notAfter: NotAfter): boolean {
  const { status, metadata } = request
  const conditions = status?.conditions ?? []
  if (status?.certificate && (notAfter(atob(status.certificate)) ?? nowMs) < nowMs) return true
  if (conditions.length === 0 && !status?.certificate) return isOlder(metadata.creationTimestamp, 24 * hourMs, nowMs)
  return conditions.some(({ type, lastUpdateTime }) => {
    const counts = type === 'Denied' || type === 'Failed' || (type === 'Approved' && status?.certificate !== undefined)
    return counts && isOlder(lastUpdateTime, hourMs, nowMs)
  })
}

function isOlder(time: string | undefined, ms: number, nowMs: number): boolean {
  return time !== undefined && Date.parse(time) + ms < nowMs
}
