/** How a control plane's etcd joins the members that are there, and leaves them. */
import type { Pod } from '../../api/types/core-v1.js'
import type { Clock } from '../../base/clock.js'
import { parseDurationMs } from '../../base/duration.js'
import { messageOf, QuorateError } from '../../base/errors.js'
import { silentLogger } from '../../base/logger.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import { type EtcdMembers, etcdMembers, type EtcdMember } from '../../storage/etcd/members.js'
import { manifestDirectory } from '../manifests/manifests.js'
import type { NodeFiles } from '../machine/node-files.js'

const clientUrlsAnnotation = 'kubeadm.kubernetes.io/etcd.advertise-client-urls'
const retryMs = 500
/** A little more than etcd takes to be sure of a member that has just come. */
const removalTimeoutMs = 8_000

/** Where the members are reached, by the static pods that say so. */
export async function memberEndpoints(client: Client): Promise<string[]> {
  const { items } = await client
    .resource<Pod>(resources.pods)
    .list({ namespace: 'kube-system', labelSelector: 'component=etcd,tier=control-plane' })
  return items.flatMap(({ metadata }) => metadata.annotations?.[clientUrlsAnnotation]?.split(',') ?? [])
}

/** With the client certificate that health checks use, as kubeadm does. */
export function connectMembers(endpoints: readonly string[], files: NodeFiles, certificatesDir: string, clock: Clock): EtcdMembers {
  const read = (file: string) => {
    const text = files.read(`${certificatesDir}/etcd/${file}`)
    if (text === undefined) throw new QuorateError('CertificateMissing', `${certificatesDir}/etcd/${file} is not there`)
    return text
  }
  const tls = { ca: read('ca.crt'), cert: read('healthcheck-client.crt'), key: read('healthcheck-client.key') }
  return etcdMembers({ endpoints, tls, clock, logger: silentLogger })
}

/**
 * Adds a learner with this peer URL, or finds the one that an earlier try has added. Returns it and the others. Tries until the timeout
 * ("2m0s"): etcd refuses changes for its first five seconds with a member, and while one of them is dead.
 */
export async function addMember(
  members: EtcdMembers,
  peerUrl: string,
  { timeout, clock }: { timeout: string; clock: Clock },
): Promise<{ own: EtcdMember; others: EtcdMember[] }> {
  const before = await members.list()
  const isOwn = ({ peerUrls }: EtcdMember) => peerUrls.includes(peerUrl)
  const add = async () => (await members.list()).find(isOwn) ?? (await members.addLearner(peerUrl))
  const own = before.find(isOwn) ?? (await insist(add, clock, parseDurationMs(timeout) ?? 0))
  return { own, others: before.filter(({ id }) => id !== own.id) }
}

/** Gives a learner its vote once it has caught up. Throws QuorateError MemberNotPromoted after the timeout ("2m0s"). */
export async function promoteMember(members: EtcdMembers, id: string, timeout: string, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + (parseDurationMs(timeout) ?? 0)
  for (;;) {
    try {
      const member = (await members.list()).find((each) => each.id === id)
      if (member && !member.isLearner) return
      await members.promote(id)
      return
    } catch (error) {
      if (clock.monotonic() >= deadline)
        throw new QuorateError(
          'MemberNotPromoted',
          `the etcd member of this machine has not caught up within ${timeout}: ${messageOf(error)}`,
          {
            remedy: 'See its log below /var/log/pods/kube-system_etcd-*, and whether the other members reach it on port 2380.',
            cause: error,
          },
        )
      await clock.sleep(retryMs)
    }
  }
}

/**
 * Takes the member of this machine out of its cluster, by its own word while it runs. Returns how many are left; the last one stays: a
 * cluster without members is none. Throws when the others could not go on (etcd's strict reconfiguration check) or cannot be asked.
 */
export async function leaveMembers(files: NodeFiles, certificatesDir: string, clock: Clock): Promise<number> {
  const manifest = files.read(`${manifestDirectory}/etcd.yaml`) ?? ''
  const flag = (name: string) => new RegExp(`--${name}=(\\S+)`).exec(manifest)?.[1] ?? ''
  const [clientUrl, peerUrl] = [flag('advertise-client-urls'), flag('initial-advertise-peer-urls')]
  const all = await withMembers([clientUrl], { files, certificatesDir, clock }, (members) => members.list())
  const own = all.find(({ peerUrls }) => peerUrls.includes(peerUrl))
  const others = all.filter((each) => each !== own)
  if (!own || others.length === 0) return others.length
  // By the others: a member that has removed itself answers nothing any more.
  await withMembers(
    others.flatMap(({ clientUrls }) => clientUrls),
    { files, certificatesDir, clock },
    (members) => insist(() => members.remove(own.id), clock, removalTimeoutMs),
  )
  return others.length
}

async function withMembers<T>(
  endpoints: readonly string[],
  { files, certificatesDir, clock }: { files: NodeFiles; certificatesDir: string; clock: Clock },
  work: (members: EtcdMembers) => Promise<T>,
): Promise<T> {
  const members = connectMembers(endpoints, files, certificatesDir, clock)
  try {
    return await work(members)
  } finally {
    members.close()
  }
}

async function insist<T>(act: () => Promise<T>, clock: Clock, timeoutMs: number): Promise<T> {
  const deadline = clock.monotonic() + timeoutMs
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (clock.monotonic() >= deadline) throw error
      await clock.sleep(retryMs)
    }
  }
}
