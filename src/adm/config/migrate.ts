/** v1beta3 to v1beta4 (kubeadm reference): extra arguments became lists, and the wait for the control plane moved to the timeouts. */
import { isRecord } from '../../base/record.js'
import type { DocumentKind } from './schemas.js'
import { kubeadmApiVersion } from './types.js'

type Fields = Record<string, unknown>

export function fromV1beta3(kind: DocumentKind, document: Fields): Fields {
  const next: Fields = { ...document, apiVersion: kubeadmApiVersion }
  if (kind === 'InitConfiguration' || kind === 'JoinConfiguration') {
    change(next, 'nodeRegistration', (registration) => argList(registration, 'kubeletExtraArgs'))
    if (kind === 'JoinConfiguration') change(next, 'discovery', discoveryTimeout(next))
  }
  if (kind === 'ClusterConfiguration') {
    for (const component of ['apiServer', 'controllerManager', 'scheduler'])
      change(next, component, (fields) => argList(fields, 'extraArgs'))
    change(next, 'etcd', (etcd) => change(etcd, 'local', (local) => argList(local, 'extraArgs')))
    // It belongs to the machine that waits now: InitConfiguration.timeouts.
    change(next, 'apiServer', (fields) => delete fields.timeoutForControlPlane)
  }
  return next
}

/** Runs `edit` on a copy of an object member, if it is there. */
function change(fields: Fields, member: string, edit: (copy: Fields) => unknown): void {
  const value = fields[member]
  if (!isRecord(value)) return
  const copy = { ...value } as Fields
  edit(copy)
  fields[member] = copy
}

function argList(fields: Fields, member: string): void {
  const value = fields[member]
  if (!isRecord(value)) return
  fields[member] = Object.entries(value).map(([name, text]) => ({ name, value: text }))
}

function discoveryTimeout(document: Fields): (discovery: Fields) => void {
  return (discovery) => {
    const { timeout } = discovery
    if (timeout === undefined) return
    delete discovery.timeout
    document.timeouts = { ...(document.timeouts as Fields | undefined), discovery: timeout }
  }
}
