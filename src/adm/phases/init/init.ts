/** `init`: from a machine to the first control plane of a cluster, in kubeadm's order. */
import type { Phase } from '../phase.js'
import { addonPhase, showJoinCommandPhase } from './addon.js'
import { certsPhase } from './certs.js'
import { bootstrapTokenPhase, markControlPlanePhase } from './cluster.js'
import type { InitContext } from './context.js'
import { controlPlanePhase, etcdPhase } from './control-plane.js'
import { kubeconfigPhase } from './kubeconfig.js'
import { kubeletStartPhase, waitControlPlanePhase } from './kubelet.js'
import { preflightPhase } from './preflight.js'
import { uploadCertsPhase, uploadConfigPhase } from './upload.js'

export const initPhases: readonly Phase<InitContext>[] = [
  ...[preflightPhase, certsPhase, kubeconfigPhase, etcdPhase, controlPlanePhase, kubeletStartPhase, waitControlPlanePhase],
  ...[uploadConfigPhase, uploadCertsPhase, markControlPlanePhase, bootstrapTokenPhase, addonPhase, showJoinCommandPhase],
]
