/** Names that the API gives meaning to: labels, annotations, taints and namespaces shared by several components. */

export const hostnameLabel = 'kubernetes.io/hostname'
export const osLabel = 'kubernetes.io/os'
export const archLabel = 'kubernetes.io/arch'
/** Still set by kubelets beside the two above, for clients of the first versions. */
export const betaOsLabel = 'beta.kubernetes.io/os'
export const betaArchLabel = 'beta.kubernetes.io/arch'
export const controlPlaneLabel = 'node-role.kubernetes.io/control-plane'

export const notReadyTaint = 'node.kubernetes.io/not-ready'
export const unreachableTaint = 'node.kubernetes.io/unreachable'
export const unschedulableTaint = 'node.kubernetes.io/unschedulable'

/** Lease objects that are the nodes' heartbeats live here, one a node, named like it (KEP-589). */
export const nodeLeaseNamespace = 'kube-node-lease'

/** Where a pod came from ("api", "file"); on a static pod and its mirror. */
export const configSourceAnnotation = 'kubernetes.io/config.source'
export const configHashAnnotation = 'kubernetes.io/config.hash'
export const configSeenAnnotation = 'kubernetes.io/config.seen'
/** Marks the mirror of a static pod; its value is the hash of the manifest that runs. */
export const configMirrorAnnotation = 'kubernetes.io/config.mirror'

/** A Node with this annotation (value "fake") is simulated by the fleet, as kwok does it. */
export const kwokNodeAnnotation = 'kwok.x-k8s.io/node'

/**
 * "HOST:PORT" of the kubelet server that answers for this node. Simulated nodes have addresses that nothing listens on (each its
 * own, for display and for endpoints), so the API server's node connector dials this instead of status.addresses when it is set.
 * Only honoured for a loopback host: nobody who may annotate a Node can point the API server's credentials elsewhere.
 */
export const kubeletEndpointAnnotation = 'quorate.dev/kubelet-endpoint'

/** Prefix of the annotations that script a simulated pod (docs/simulation.md). */
export const simulationPrefix = 'sim.quorate.dev/'
