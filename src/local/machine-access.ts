/** What a command asks of a node process, over the node's control socket. */
import type { Pod } from '../api/types/core-v1.js'
import { askControl } from '../node/machine/control.js'
import type { LocalCluster, LocalContext } from './context.js'

/** The static pods of a node with their status, as its kubelet knows them. */
export function machinePods({ platform }: LocalContext, { paths }: LocalCluster, node: string, timeoutMs: number): Promise<readonly Pod[]> {
  return askControl(platform.socketAddress(paths.socket(node)), { op: 'pods' }, timeoutMs)
}

/** Manifest file → what is wrong with it. */
export function manifestFaults(
  { platform }: LocalContext,
  { paths }: LocalCluster,
  node: string,
  timeoutMs: number,
): Promise<Readonly<Record<string, string>>> {
  return askControl(platform.socketAddress(paths.socket(node)), { op: 'faults' }, timeoutMs)
}

/** Drops a component as SIGKILL would. */
export async function killComponent(
  { platform }: LocalContext,
  { paths }: LocalCluster,
  { node, component, timeoutMs }: { node: string; component: string; timeoutMs: number },
): Promise<void> {
  await askControl(platform.socketAddress(paths.socket(node)), { op: 'kill', component }, timeoutMs)
}
