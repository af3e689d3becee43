/** The components of this package by name. Each is loaded when it is first run: a process holds only what it needs. */
import type { ComponentMain } from './component.js'

const mains: Readonly<Record<string, () => Promise<ComponentMain>>> = {
  'kube-apiserver': async () => (await import('./kube-apiserver.js')).kubeApiserver,
  'kube-controller-manager': async () => (await import('./kube-controller-manager.js')).kubeControllerManager,
  kubelet: async () => (await import('./kubelet.js')).kubelet,
  'kube-scheduler': async () => (await import('./kube-scheduler.js')).kubeScheduler,
  'kube-proxy': async () => (await import('./kube-proxy.js')).kubeProxy,
  network: async () => (await import('./network.js')).network,
  lb: async () => (await import('./lb.js')).lb,
  fleet: async () => (await import('./fleet.js')).fleet,
  'etcd-host': async () => (await import('./etcd-host.js')).etcdHost,
  coredns: async () => (await import('./coredns.js')).coredns,
  etcd: async () => (await import('./etcd.js')).etcd,
  'host-path-provisioner': async () => (await import('./host-path-provisioner.js')).hostPathProvisionerMain,
}

export const componentNames = Object.keys(mains)

/** undefined when there is no component of this name. */
export function componentMain(name: string): Promise<ComponentMain> | undefined {
  return Object.hasOwn(mains, name) ? (mains[name] as () => Promise<ComponentMain>)() : undefined
}
