/** What makes a node that joins a control plane: shared certificates, its own, its static pods, its etcd member. */
import type { Secret } from '../../../api/types/core-v1.js'
import { hasReason } from '../../../api/status.js'
import { QuorateError } from '../../../base/errors.js'
import { resources } from '../../../client/resources.js'
import { addMember, connectMembers, memberEndpoints, promoteMember } from '../../etcd/membership.js'
import { memberPod, peerUrlOf, writePod } from '../../manifests/manifests.js'
import { kubeadmCertsName, writeShared } from '../../objects/kubeadm-certs.js'
import { runChecks } from '../../preflight/check.js'
import { controlPlaneChecks } from '../../preflight/init-checks.js'
import { thisMachine } from '../../preflight/machine.js'
import { certsPhase } from '../init/certs.js'
import { markControlPlanePhase } from '../init/cluster.js'
import type { InitContext } from '../init/context.js'
import { controlPlanePhase } from '../init/control-plane.js'
import { kubeconfigPhase } from '../init/kubeconfig.js'
import { waitControlPlanePhase } from '../init/kubelet.js'
import { type Phase, runPhases } from '../phase.js'
import type { JoinContext } from './context.js'

const isControlPlane = ({ join }: JoinContext) => join.controlPlane !== undefined

export const prepareControlPlanePhase: Phase<JoinContext> = {
  name: 'control-plane-prepare',
  description: 'Prepare the machine for serving a control plane',
  when: isControlPlane,
  async run(context) {
    const { files, join, ignoredErrors } = context
    const cluster = await context.configuration()
    const checked = {
      machine: thisMachine(files),
      node: join.nodeRegistration,
      cluster,
      bindPort: join.controlPlane?.localAPIEndpoint.bindPort ?? 0,
    }
    await runChecks(controlPlaneChecks, checked, [...ignoredErrors, ...(join.nodeRegistration.ignorePreflightErrors ?? [])])
    if (!cluster.controlPlaneEndpoint)
      throw new QuorateError(
        'EndpointUnstable',
        "unable to add a new control plane instance to a cluster that doesn't have a stable controlPlaneEndpoint address",
        {
          remedy: 'Make the cluster with --control-plane-endpoint: an address that stays when control planes come and go.',
        },
      )
  },
  phases: [
    {
      name: 'download-certs',
      description: 'Download certificates shared among control-plane nodes from the kubeadm-certs Secret',
      async run(context) {
        const { say, join, files } = context
        const key = join.controlPlane?.certificateKey
        if (key === undefined) return say('[download-certs] Skipping: no --certificate-key; the certificates must be here already')
        say(`[download-certs] Downloading the certificates in Secret "${kubeadmCertsName}" in the "kube-system" Namespace`)
        const cluster = await context.configuration()
        writeShared(await sharedData(context), { cluster, files, keyHex: key })
      },
    },
    {
      name: 'certs',
      description: 'Generate the certificates for the new control plane components',
      run: async (context) => runPhases([certsPhase], await asInit(context)),
    },
    {
      name: 'kubeconfig',
      description: 'Generate the kubeconfig for the new control plane components',
      // The kubelet's comes by its own request, and super-admin.conf stays on the first control plane.
      run: async (context) => runPhases([kubeconfigPhase], await asInit(context), ['kubeconfig/kubelet', 'kubeconfig/super-admin']),
    },
    {
      name: 'control-plane',
      description: 'Generate the manifests for the new control plane components',
      run: async (context) => runPhases([controlPlanePhase], await asInit(context)),
    },
  ],
}

export const etcdJoinPhase: Phase<JoinContext> = {
  name: 'etcd-join',
  description: 'Join etcd for control plane nodes',
  when: isControlPlane,
  async run(context) {
    const { say, files, join, clock } = context
    const cluster = await context.configuration()
    if (cluster.etcd.external) return say('[etcd] Using external etcd: there is nothing to join')
    const init = await asInit(context)
    const endpoints = await memberEndpoints(await context.admin())
    const members = connectMembers(endpoints, files, cluster.certificatesDir, clock)
    try {
      const peerUrl = peerUrlOf(init.init.localAPIEndpoint)
      const { own, others } = await addMember(members, peerUrl, { timeout: join.timeouts.etcdAPICall, clock })
      say(`[etcd] Announced new etcd member joining to the existing etcd cluster: ${peerUrl}`)
      const known = others.filter(({ name }) => name !== '').map(({ name, peerUrls }) => ({ name, peerUrl: peerUrls[0] ?? '' }))
      const owner = { cluster, nodeName: join.nodeRegistration.name, endpoint: init.init.localAPIEndpoint }
      writePod(files, memberPod(owner, init.etcdVersion(), known))
      say('[etcd] Creating static Pod manifest for "etcd" and waiting until it may vote')
      await promoteMember(members, own.id, join.timeouts.etcdAPICall, clock)
    } finally {
      members.close()
    }
  },
}

export const controlPlaneJoinPhase: Phase<JoinContext> = {
  name: 'control-plane-join',
  description: 'Join a machine as a control plane instance',
  when: isControlPlane,
  phases: [
    {
      name: 'mark-control-plane',
      description: 'Mark a node as a control-plane',
      run: async (context) => runPhases([markControlPlanePhase], await asInit(context)),
    },
  ],
}

export const joinWaitControlPlanePhase: Phase<JoinContext> = {
  name: 'wait-control-plane',
  description: 'Wait for the control plane to start',
  when: isControlPlane,
  run: async (context) => runPhases([waitControlPlanePhase], await asInit(context)),
}

async function sharedData({ client }: JoinContext): Promise<Readonly<Record<string, string>>> {
  try {
    return (await (await client()).resource<Secret>(resources.secrets).get('kube-system', kubeadmCertsName)).data ?? {}
  } catch (error) {
    if (!hasReason(error, 'NotFound') && !hasReason(error, 'Forbidden')) throw error
    throw new QuorateError(
      'CertificatesGone',
      `Secret "${kubeadmCertsName}" was not found in the "kube-system" Namespace: it may have expired`,
      {
        remedy: 'On a control plane: quorate init phase upload-certs --upload-certs',
        cause: error,
      },
    )
  }
}

/** The phases of init that a control plane which joins has in common with the first. */
async function asInit(context: JoinContext): Promise<InitContext> {
  const { join, files, clock, hostname, service, ignoredErrors, say } = context
  const endpoint = join.controlPlane?.localAPIEndpoint
  if (!endpoint) throw new QuorateError('BadUsage', 'this machine joins as a worker', { remedy: 'Give --control-plane.' })
  return {
    init: { bootstrapTokens: [], nodeRegistration: join.nodeRegistration, localAPIEndpoint: endpoint, timeouts: join.timeouts },
    ...{ cluster: await context.configuration(), files, clock, nowMs: clock.now(), hostname, service, ignoredErrors, say },
    etcdVersion: () => context.etcdVersion(),
    client: () => context.admin(),
    uploadCerts: false,
  }
}
