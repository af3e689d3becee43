import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.js'
import type { StorageClass } from '../../api/types/storage-v1.js'
import { hostnameLabel } from '../../api/well-known.js'

/** The objects that the provisioner makes: a volume that is a directory of one node, and the pod that makes or removes the directory. Pure. */
export const provisionerName = 'quorate.dev/host-path'
export const provisionedBy = 'pv.kubernetes.io/provisioned-by'
export const selectedNode = 'volume.kubernetes.io/selected-node'
const storageProvisioner = 'volume.kubernetes.io/storage-provisioner'
const betaStorageProvisioner = 'volume.beta.kubernetes.io/storage-provisioner'
export const helperLabel = 'quorate.dev/host-path-helper'

export interface HostPathOptions {
  /** Where the directories are made on each node; a class's parameter `path` wins. */
  readonly path: string
  /** An image with sh, mkdir and rm. */
  readonly helperImage: string
  readonly helperNamespace: string
}

export function isOurs({ metadata }: PersistentVolumeClaim): boolean {
  const by = metadata.annotations?.[storageProvisioner] ?? metadata.annotations?.[betaStorageProvisioner]
  return by === provisionerName
}

export const volumeName = ({ metadata }: PersistentVolumeClaim): string => `pvc-${metadata.uid}`

/** A name that says whose the data are, for who looks at the node's disk. */
export function directoryOf(claim: PersistentVolumeClaim, storageClass: StorageClass, { path }: HostPathOptions): string {
  const { namespace, name } = claim.metadata
  return `${storageClass.parameters?.path ?? path}/${volumeName(claim)}_${namespace}_${name}`
}

/** Why no volume can be made for a claim; undefined when one can. */
export function claimFault({ spec }: PersistentVolumeClaim): string | undefined {
  if (spec?.volumeMode === 'Block') return 'block volumes are not provisioned: a directory is no device'
  const shared = (spec?.accessModes ?? []).find((mode) => mode !== 'ReadWriteOnce' && mode !== 'ReadWriteOncePod')
  if (shared) return `only ReadWriteOnce and ReadWriteOncePod volumes are provisioned, not ${shared}: a directory is on one node`
  if (spec?.selector) return 'claim.Spec.Selector is not supported'
  return undefined
}

export function volumeFor(claim: PersistentVolumeClaim, storageClass: StorageClass, node: Node, path: string): PersistentVolume {
  const hostname = node.metadata.labels?.[hostnameLabel] ?? node.metadata.name ?? ''
  const { namespace, name, uid, resourceVersion } = claim.metadata
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeName(claim), annotations: { [provisionedBy]: provisionerName } },
    spec: {
      accessModes: claim.spec?.accessModes ?? ['ReadWriteOnce'],
      capacity: { storage: claim.spec?.resources?.requests?.storage ?? '0' },
      claimRef: {
        ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name },
        ...(uid ? { uid } : {}),
        ...(resourceVersion ? { resourceVersion } : {}),
      },
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata.name ?? '',
      volumeMode: 'Filesystem',
      ...(storageClass.mountOptions ? { mountOptions: storageClass.mountOptions } : {}),
      hostPath: { path, type: 'DirectoryOrCreate' },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: hostnameLabel, operator: 'In', values: [hostname] }] }] },
      },
    },
  }
}

/** The node that a volume of ours is on. */
export function hostnameOf({ spec }: PersistentVolume): string | undefined {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms ?? []
  return terms.flatMap(({ matchExpressions = [] }) => matchExpressions).find(({ key }) => key === hostnameLabel)?.values?.[0]
}

export type HelperTask = 'create' | 'delete'

export const helperName = (task: HelperTask, volume: string): string => `helper-pod-${task}-${volume}`

/** Open to every user, as the directory of an emptyDir is: whom the pod runs as is not known here. */
const commands: Readonly<Record<HelperTask, string>> = {
  create: 'mkdir -m 0777 -p "$VOL_DIR" && chmod 0777 "$VOL_DIR"',
  delete: 'rm -rf "$VOL_DIR"',
}

export interface HelperOptions {
  readonly task: HelperTask
  readonly volume: string
  readonly path: string
  readonly nodeName: string
  readonly options: HostPathOptions
}

/** It sees the parent of the volume's directory and nothing else of the node. */
export function helperPod({ task, volume, path, nodeName, options }: HelperOptions): Pod {
  const slash = path.lastIndexOf('/')
  const [parent, name] = [path.slice(0, slash) || '/', path.slice(slash + 1)]
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: helperName(task, volume), namespace: options.helperNamespace, labels: { [helperLabel]: volume } },
    spec: {
      nodeName,
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          name: 'helper-pod',
          image: options.helperImage,
          imagePullPolicy: 'IfNotPresent',
          command: ['/bin/sh', '-c', commands[task]],
          env: [{ name: 'VOL_DIR', value: `/data/${name}` }],
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
      ],
      volumes: [{ name: 'data', hostPath: { path: parent, type: 'DirectoryOrCreate' } }],
    },
  }
}
