/** The kubelet as a service of the machine: a systemd unit where there is systemd, else a process that another one keeps running. */
export interface KubeletService {
  /** How people see what it says: "journalctl -u kubelet". */
  readonly logs: string
  /** Makes what the system needs to run it, also after a reboot, and starts it anew. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Ends it and takes away what `start` has made. */
  remove(): Promise<void>
  isActive(): Promise<boolean>
}

export interface Launcher {
  /** The node binary and the entry of this package. */
  readonly node: string
  readonly entry: string
}

export const bootstrapKubeconfigPath = '/etc/kubernetes/bootstrap-kubelet.conf'
export const kubeletKubeconfigPath = '/etc/kubernetes/kubelet.conf'
export const kubeletConfigPath = '/var/lib/kubelet/config.yaml'
export const kubeletFlagsPath = '/var/lib/kubelet/kubeadm-flags.env'

/** What a kubelet of kubeadm is started with, before the flags of its own file. */
export const kubeletArgs = [
  `--bootstrap-kubeconfig=${bootstrapKubeconfigPath}`,
  `--kubeconfig=${kubeletKubeconfigPath}`,
  `--config=${kubeletConfigPath}`,
]

/** KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1 ..." as words. No value has a space: the file is written so. */
export function flagsOf(text: string | undefined): string[] {
  const [, words = ''] = /^KUBELET_KUBEADM_ARGS="(.*)"$/m.exec(text ?? '') ?? []
  return words.split(' ').filter(Boolean)
}

export function flagsText(flags: readonly string[]): string {
  return `KUBELET_KUBEADM_ARGS="${flags.join(' ')}"\n`
}
