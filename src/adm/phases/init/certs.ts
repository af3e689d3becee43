import { type AuthorityName, type AuthoritySpec, authorities, leaves, type LeafSpec } from '../../certs/specs.js'
import type { Phase } from '../phase.js'
import { certificatesOf, type InitContext, ownerOf } from './context.js'

const etcdLeaves = new Set(['etcd-server', 'etcd-peer', 'etcd-healthcheck-client', 'apiserver-etcd-client'])

/** Each authority before what it signs: kubeadm's order. */
export const certsPhase: Phase<InitContext> = {
  name: 'certs',
  description: 'Certificate generation',
  run: ({ cluster, say }) => say(`[certs] Using certificateDir folder "${cluster.certificatesDir}"`),
  phases: [
    ...authorities.flatMap((authority) => [
      authorityPhase(authority),
      ...leaves.filter((leaf) => leaf.authority === authority.name).map((leaf) => leafPhase(leaf)),
    ]),
    {
      name: 'sa',
      description: 'Generate a private key for signing service account tokens along with its public key',
      async run(context) {
        const outcome = await certificatesOf(context).ensureServiceAccountKey()
        context.say(outcome === 'made' ? '[certs] Generating "sa" key and public key' : '[certs] Using the existing "sa" key')
      },
    },
  ],
}

function authorityPhase(spec: AuthoritySpec): Phase<InitContext> {
  return {
    name: spec.name,
    description: `Generate ${spec.purpose}`,
    when: isOfThisCluster(spec.name),
    async run(context) {
      const outcome = await certificatesOf(context).ensureAuthority(spec)
      context.say(
        outcome === 'made'
          ? `[certs] Generating "${spec.file}" certificate and key`
          : `[certs] Using existing ${spec.file} certificate authority`,
      )
    },
  }
}

function leafPhase(spec: LeafSpec): Phase<InitContext> {
  return {
    name: spec.name,
    description: `Generate the certificate for ${spec.purpose}`,
    when: isOfThisCluster(spec.authority, spec.name),
    async run(context) {
      const outcome = await certificatesOf(context).ensureLeaf(spec, ownerOf(context))
      if (outcome === 'kept') return context.say(`[certs] Using existing ${spec.file} certificate and key on disk`)
      context.say(`[certs] Generating "${spec.file}" certificate and key`)
      const { dnsNames = [], ipAddresses = [] } = spec.leaf(ownerOf(context))
      if (dnsNames.length > 0)
        context.say(`[certs] ${spec.file} serving cert is signed for DNS names [${dnsNames.join(' ')}] and IPs [${ipAddresses.join(' ')}]`)
    },
  }
}

/** With external etcd its authority and its certificates are somebody else's. */
function isOfThisCluster(authority: AuthorityName, leaf?: string): (context: InitContext) => boolean {
  if (authority !== 'etcd-ca' && !etcdLeaves.has(leaf ?? '')) return () => true
  return ({ cluster }) => cluster.etcd.local !== undefined
}
