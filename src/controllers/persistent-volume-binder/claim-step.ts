/** What to do about a claim. Pure: the world goes in as values, one step comes out. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.js'
import type { StorageClass } from '../../api/types/storage-v1.js'
import { asksForNoClassAtAll, bindCompleted, boundByController, classOf, hasAnnotation, pointsAt, selectedNode } from './binding.js'
import { bestVolume, misfit } from './matching.js'

export interface Said {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

export type ClaimStep =
  | { readonly do: 'bind'; readonly volume: PersistentVolume }
  /** Stays without a volume. */
  | { readonly do: 'wait'; readonly say?: Said }
  | { readonly do: 'lose'; readonly say: Said }
  | { readonly do: 'use-class'; readonly name: string }
  /** Somebody else's controller makes the volume, asked by annotations. */
  | { readonly do: 'provision'; readonly provisioner: string; readonly migratedFrom?: string }
  | { readonly do: 'fail'; readonly message: string }

export interface ClaimWorld {
  /** The volume that the claim names, if it is there. */
  readonly named: PersistentVolume | undefined
  /** Volumes that could be chosen: free ones of its class, and those that point at it. */
  readonly candidates: readonly PersistentVolume[]
  /** The claim's class, if it is there. */
  readonly storageClass: StorageClass | undefined
  readonly defaultClass: StorageClass | undefined
  /** Names of pods that use the claim and have no node yet. */
  readonly unscheduledPods: readonly string[]
  /** --enable-dynamic-provisioning */
  readonly provisions: boolean
}

const warning = (reason: string, message: string): Said => ({ type: 'Warning', reason, message })
const normal = (reason: string, message: string): Said => ({ type: 'Normal', reason, message })

export function claimStep(claim: PersistentVolumeClaim, world: ClaimWorld): ClaimStep {
  if (hasAnnotation(claim, bindCompleted)) return boundStep(claim, world)
  return claim.spec?.volumeName ? namedStep(claim, world) : choosingStep(claim, world)
}

function choosingStep(claim: PersistentVolumeClaim, world: ClaimWorld): ClaimStep {
  // Once the scheduler has chosen a node, provisioning goes on as if at once.
  const waitsForPod = !hasAnnotation(claim, selectedNode) && world.storageClass?.volumeBindingMode === 'WaitForFirstConsumer'
  const volume = bestVolume(claim, world.candidates, waitsForPod)
  if (volume) return { do: 'bind', volume }
  // KEP-3333: a claim that came before the default class gets it later.
  if (asksForNoClassAtAll(claim) && world.defaultClass) return { do: 'use-class', name: world.defaultClass.metadata.name ?? '' }
  if (waitsForPod) return { do: 'wait', say: waiting(world.unscheduledPods) }
  const className = classOf(claim)
  if (className !== '') return world.provisions ? provisioning(className, world.storageClass) : { do: 'wait' }
  return { do: 'wait', say: normal('FailedBinding', 'no persistent volumes available for this claim and no storage class is set') }
}

function waiting(pods: readonly string[]): Said {
  if (pods.length === 0) return normal('WaitForFirstConsumer', 'waiting for first consumer to be created before binding')
  return normal('WaitForPodScheduled', `waiting for pod${pods.length > 1 ? 's' : ''} ${pods.join(',')} to be scheduled`)
}

/** In-tree provisioners whose work CSI drivers do now (KEP-625). */
const migrated: Readonly<Record<string, string>> = {
  'kubernetes.io/aws-ebs': 'ebs.csi.aws.com',
  'kubernetes.io/azure-disk': 'disk.csi.azure.com',
  'kubernetes.io/azure-file': 'file.csi.azure.com',
  'kubernetes.io/cinder': 'cinder.csi.openstack.org',
  'kubernetes.io/gce-pd': 'pd.csi.storage.gke.io',
  'kubernetes.io/portworx-volume': 'pxd.portworx.com',
  'kubernetes.io/vsphere-volume': 'csi.vsphere.vmware.com',
}

function provisioning(className: string, storageClass: StorageClass | undefined): ClaimStep {
  const failed = (message: string): ClaimStep => ({ do: 'wait', say: warning('ProvisioningFailed', message) })
  if (!storageClass) return failed(`storageclass.storage.k8s.io "${className}" not found`)
  const { provisioner } = storageClass
  const driver = migrated[provisioner]
  if (driver) return { do: 'provision', provisioner: driver, migratedFrom: provisioner }
  // Names below kubernetes.io/ are the in-tree ones, none of which is left.
  if (provisioner.startsWith('kubernetes.io/')) return failed(`no volume plugin matched name: ${provisioner}`)
  return { do: 'provision', provisioner }
}

function namedStep(claim: PersistentVolumeClaim, { named }: ClaimWorld): ClaimStep {
  if (!named) return { do: 'wait' }
  if (named.spec?.claimRef === undefined) {
    const why = misfit(named, claim)
    if (why === undefined) return { do: 'bind', volume: named }
    return { do: 'wait', say: warning('VolumeMismatch', `Cannot bind to requested volume "${named.metadata.name}": ${why}`) }
  }
  if (pointsAt(named, claim)) return { do: 'bind', volume: named }
  const message = `volume "${named.metadata.name}" already bound to a different claim.`
  if (!hasAnnotation(claim, boundByController)) return { do: 'wait', say: warning('FailedBinding', message) }
  return { do: 'fail', message }
}

function boundStep(claim: PersistentVolumeClaim, { named }: ClaimWorld): ClaimStep {
  const lose = (reason: string, message: string): ClaimStep => ({ do: 'lose', say: warning(reason, message) })
  if (!claim.spec?.volumeName) return lose('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!')
  if (!named) return lose('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!')
  const uid = named.spec?.claimRef?.uid
  if (named.spec?.claimRef === undefined || uid === claim.metadata.uid) return { do: 'bind', volume: named }
  return lose('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly')
}
