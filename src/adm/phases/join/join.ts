/** `join`: a machine becomes a node, and with `controlPlane` a control plane, in kubeadm's order. */
import type { Phase } from '../phase.js'
import type { JoinContext } from './context.js'
import { controlPlaneJoinPhase, etcdJoinPhase, joinWaitControlPlanePhase, prepareControlPlanePhase } from './control-plane.js'
import { joinKubeletStartPhase, joinPreflightPhase, kubeletWaitBootstrapPhase } from './worker.js'

export const joinPhases: readonly Phase<JoinContext>[] = [
  ...[joinPreflightPhase, prepareControlPlanePhase, joinKubeletStartPhase, etcdJoinPhase, kubeletWaitBootstrapPhase],
  ...[controlPlaneJoinPhase, joinWaitControlPlanePhase],
]
