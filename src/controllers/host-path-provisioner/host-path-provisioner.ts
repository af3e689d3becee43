/**
 * Makes volumes for claims out of directories of the nodes, as the local-path provisioner of small clusters does. A claim waits for
 * its first pod; the directory is made on the node that the scheduler chose, by a pod on that node; the volume is usable there only.
 * The data go with the claim when the reclaim policy says so. Capacity is not enforced.
 */
import { keyOf } from '../../api/object.js'
import { hasReason } from '../../api/status.js'
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.js'
import type { StorageClass } from '../../api/types/storage-v1.js'
import { resources } from '../../client/resources.js'
import type { Controller, View } from '../controller.js'
import {
  claimFault,
  directoryOf,
  helperLabel,
  helperName,
  helperPod,
  type HelperTask,
  hostnameOf,
  type HostPathOptions,
  isOurs,
  provisionedBy,
  provisionerName,
  selectedNode,
  volumeFor,
  volumeName,
} from './objects.js'

export function hostPathProvisioner(options: HostPathOptions): Controller {
  return {
    name: 'host-path-provisioner',
    eventSource: provisionerName,
    workers: 4,
    watches: [
      { resource: resources.persistentVolumeClaims, toKeys: (object) => [`claim/${keyOf(object)}`] },
      { resource: resources.persistentVolumes, toKeys: (object) => [`volume/${keyOf(object)}`] },
      {
        resource: resources.pods,
        selection: { namespace: options.helperNamespace, labelSelector: helperLabel },
        toKeys: (object, view) => keysOfHelper(object as Pod, view),
      },
      { resource: resources.storageClasses, toKeys: () => [] },
      { resource: resources.nodes, toKeys: () => [] },
    ],
    async reconcile(key, view) {
      const slash = key.indexOf('/')
      const name = key.slice(slash + 1)
      if (key.startsWith('claim/')) await provision(name, view, options)
      else await reclaim(name, view, options)
    },
  }
}

function keysOfHelper({ metadata }: Pod, view: View): string[] {
  const volume = metadata.labels?.[helperLabel] ?? ''
  const claims = view.lister<PersistentVolumeClaim>(resources.persistentVolumeClaims).list()
  // Helpers are few, and so are looks for theirs.
  const claim = claims.find((candidate) => volumeName(candidate) === volume)
  return [`volume/${volume}`, ...(claim ? [`claim/${keyOf(claim)}`] : [])]
}

async function provision(key: string, view: View, options: HostPathOptions): Promise<void> {
  const claim = view.lister<PersistentVolumeClaim>(resources.persistentVolumeClaims).get(key)
  if (!claim || claim.metadata.deletionTimestamp || claim.spec?.volumeName || !isOurs(claim)) return
  const storageClass = view.lister<StorageClass>(resources.storageClasses).get(claim.spec?.storageClassName ?? '')
  if (!storageClass || view.lister<PersistentVolume>(resources.persistentVolumes).get(volumeName(claim))) return
  const about = { ...claim, apiVersion: 'v1', kind: 'PersistentVolumeClaim' }
  const refuse = (why: string) =>
    view.events.event(
      about,
      'Warning',
      'ProvisioningFailed',
      `failed to provision volume with StorageClass "${storageClass.metadata.name}": ${why}`,
    )
  const fault = claimFault(claim)
  if (fault) return refuse(fault)
  const nodeName = claim.metadata.annotations?.[selectedNode]
  // A claim that is bound at once names no node, and a directory is on one.
  if (nodeName === undefined)
    return storageClass.volumeBindingMode === 'WaitForFirstConsumer'
      ? undefined
      : refuse('configuration error, no node was specified: the class must have volumeBindingMode WaitForFirstConsumer')
  const node = view.lister<Node>(resources.nodes).get(nodeName)
  if (!node) return refuse(`node "${nodeName}" not found`)
  const path = directoryOf(claim, storageClass, options)
  const helper = { task: 'create' as const, volume: volumeName(claim), path, nodeName, options }
  const outcome = await runHelper(helper, view, () =>
    view.events.event(about, 'Normal', 'Provisioning', `External provisioner is provisioning volume for claim "${keyOf(claim)}"`),
  )
  if (outcome === 'failed') {
    refuse(`the directory ${path} could not be made on node ${nodeName}`)
    throw new Error(`no directory ${path} on node ${nodeName}`)
  }
  if (outcome !== 'done') return
  try {
    await view.client.resource<PersistentVolume>(resources.persistentVolumes).create(volumeFor(claim, storageClass, node, path))
    view.events.event(about, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volumeName(claim)}`)
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error
  }
  await dropHelper('create', volumeName(claim), view, options)
}

async function reclaim(name: string, view: View, options: HostPathOptions): Promise<void> {
  const volume = view.lister<PersistentVolume>(resources.persistentVolumes).get(name)
  if (!volume || volume.metadata.annotations?.[provisionedBy] !== provisionerName) return
  if (volume.status?.phase !== 'Released' || volume.spec?.persistentVolumeReclaimPolicy !== 'Delete') return
  const hostname = hostnameOf(volume)
  const node = view
    .lister<Node>(resources.nodes)
    .list()
    .find((each) => hostnameLabelOf(each) === hostname)
  const path = volume.spec.hostPath?.path ?? ''
  // With the node its disk has gone.
  if (node && path !== '') {
    const outcome = await runHelper({ task: 'delete', volume: name, path, nodeName: node.metadata.name ?? '', options }, view)
    if (outcome === 'failed') {
      const about = { ...volume, apiVersion: 'v1', kind: 'PersistentVolume' }
      view.events.event(about, 'Warning', 'VolumeFailedDelete', `the directory ${path} could not be removed on node ${hostname}`)
      throw new Error(`the directory ${path} stays on node ${hostname}`)
    }
    if (outcome !== 'done') return
  }
  try {
    await view.client.resource(resources.persistentVolumes).delete('', name)
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
  }
  await dropHelper('delete', name, view, options)
}

function hostnameLabelOf({ metadata }: Node): string | undefined {
  return metadata.labels?.['kubernetes.io/hostname'] ?? metadata.name
}

/** Where the pod for a task is: made now, at work, or done. One that failed is taken away, so that the next try makes a new one. */
async function runHelper(
  helper: Parameters<typeof helperPod>[0],
  view: View,
  onStart?: () => void,
): Promise<'started' | 'working' | 'done' | 'failed'> {
  const { task, volume, options } = helper
  const pods = view.client.resource<Pod>(resources.pods)
  const name = helperName(task, volume)
  // Not from the cache: what was made a moment ago may not be in it.
  const pod = await pods.get(options.helperNamespace, name).catch((error: unknown) => {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  })
  if (!pod) {
    onStart?.()
    await pods.create(helperPod(helper))
    return 'started'
  }
  if (pod.status?.phase === 'Succeeded') return 'done'
  if (pod.status?.phase !== 'Failed') return 'working'
  await dropHelper(task, volume, view, options)
  return 'failed'
}

async function dropHelper(task: HelperTask, volume: string, view: View, { helperNamespace }: HostPathOptions): Promise<void> {
  try {
    await view.client.resource<Pod>(resources.pods).delete(helperNamespace, helperName(task, volume), { gracePeriodSeconds: 0 })
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
  }
}
