import { describe, expect, it } from 'vitest'
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.js'
import type { StorageClass } from '../../api/types/storage-v1.js'
import { bindCompleted, boundByController, claimBoundTo, provisionedBy, selectedNode, volumeBoundTo, volumeUnbound } from './binding.js'
import { claimStep, type ClaimWorld } from './claim-step.js'
import { bestVolume, misfit } from './matching.js'
import { reclaim, volumeStep } from './volume-step.js'

type VolumeSpec = NonNullable<PersistentVolume['spec']>
type ClaimSpec = NonNullable<PersistentVolumeClaim['spec']>
const volume = (name: string, storage: string, more: VolumeSpec = {}, annotations: Record<string, string> = {}): PersistentVolume => ({
  metadata: { name, labels: { name }, ...(Object.keys(annotations).length ? { annotations } : {}) },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'c',
    volumeMode: 'Filesystem',
    capacity: { storage },
    hostPath: { path: '/tmp/x' },
    ...more,
  },
  status: { phase: 'Available' },
})
const claim = (storage: string, more: ClaimSpec = {}, annotations: Record<string, string> = {}): PersistentVolumeClaim => ({
  metadata: { namespace: 'ns', name: 'claim', uid: 'u', annotations },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'c', volumeMode: 'Filesystem', resources: { requests: { storage } }, ...more },
  status: { phase: 'Pending' },
})
const reserved = { claimRef: { namespace: 'ns', name: 'claim' } }
const best = (of: PersistentVolumeClaim, ...volumes: PersistentVolume[]) => bestVolume(of, volumes, false)?.metadata.name

describe('the volume for a claim', () => {
  it('is the smallest that is large enough', () => {
    expect(best(claim('3Gi'), volume('1', '1Gi'), volume('10', '10Gi'), volume('5', '5Gi'))).toBe('5')
    expect(best(claim('1024Mi'), volume('1', '1Gi'))).toBe('1')
  })
  it('has the access modes asked for, and no more than needed', () => {
    const many = volume('many', '1Gi', { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] })
    expect(best(claim('1Gi'), many, volume('one', '9Gi'))).toBe('one')
    expect(best(claim('1Gi', { accessModes: ['ReadWriteMany'] }), many, volume('one', '9Gi'))).toBe('many')
  })
  it('has the class, the mode and the labels asked for, is free and stays', () => {
    const ending = volume('x', '1Gi')
    ending.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
    const released: PersistentVolume = { ...volume('x', '1Gi'), status: { phase: 'Released' } }
    const unfit = [ending, released, volume('x', '1Gi', { storageClassName: 'd' }), volume('x', '1Gi', { volumeMode: 'Block' })]
    for (const each of [...unfit, volume('x', '1Gi', { claimRef: { namespace: 'ns', name: 'other' } })])
      expect(best(claim('1Gi'), each)).toBeUndefined()
    expect(best(claim('1Gi', { selector: { matchLabels: { name: 'b' } } }), volume('a', '1Gi'), volume('b', '5Gi'))).toBe('b')
  })
  it('is the one that was reserved for it, if that is large enough', () => {
    expect(best(claim('1Gi'), volume('small', '1Gi'), volume('mine', '9Gi', reserved))).toBe('mine')
    expect(best(claim('1Gi'), volume('small', '1Gi'), volume('mine', '1Mi', reserved))).toBe('small')
  })
  it('that it names must fit', () => {
    expect(misfit(volume('v', '1Gi'), claim('2Gi'))).toBe('requested PV is too small')
    expect(misfit(volume('v', '1Gi', { storageClassName: '' }), claim('1Gi'))).toBe('storageClassName does not match')
    expect(misfit(volume('v', '1Gi', { volumeMode: 'Block' }), claim('1Gi'))).toBe('incompatible volumeMode')
    expect(misfit(volume('v', '1Gi', { accessModes: ['ReadOnlyMany'] }), claim('1Gi'))).toBe('incompatible accessMode')
    expect(misfit(volume('v', '1Gi'), claim('1Gi'))).toBeUndefined()
  })
})

describe('a claim', () => {
  const storageClass = (provisioner: string, volumeBindingMode: StorageClass['volumeBindingMode'] = 'Immediate'): StorageClass => ({
    metadata: { name: 'c' },
    provisioner,
    volumeBindingMode,
  })
  const empty: ClaimWorld = {
    named: undefined,
    candidates: [],
    storageClass: undefined,
    defaultClass: undefined,
    unscheduledPods: [],
    provisions: true,
  }
  const step = (of: PersistentVolumeClaim, world: Partial<ClaimWorld> = {}) => claimStep(of, { ...empty, ...world })
  const said = (of: PersistentVolumeClaim, world: Partial<ClaimWorld> = {}) => {
    const next = step(of, world)
    return [next.do, 'say' in next ? next.say?.reason : undefined]
  }

  it('waits for its first consumer where its class says so; only a reserved volume is bound', () => {
    const late = storageClass('example.com/p', 'WaitForFirstConsumer')
    expect(said(claim('1Gi'), { storageClass: late, candidates: [volume('v', '1Gi')] })).toEqual(['wait', 'WaitForFirstConsumer'])
    expect(said(claim('1Gi'), { storageClass: late, unscheduledPods: ['p'] })).toEqual(['wait', 'WaitForPodScheduled'])
    expect(step(claim('1Gi'), { storageClass: late, candidates: [volume('v', '1Gi', reserved)] }).do).toBe('bind')
    const chosen = claim('1Gi', {}, { [selectedNode]: 'n' })
    expect(step(chosen, { storageClass: late })).toEqual({ do: 'provision', provisioner: 'example.com/p' })
  })
  it('is left to the provisioner of its class', () => {
    expect(step(claim('1Gi'), { storageClass: storageClass('example.com/p') })).toEqual({ do: 'provision', provisioner: 'example.com/p' })
    expect(step(claim('1Gi'), { storageClass: storageClass('kubernetes.io/gce-pd') })).toMatchObject({
      provisioner: 'pd.csi.storage.gke.io',
    })
    expect(said(claim('1Gi'), { storageClass: storageClass('kubernetes.io/no-provisioner') })).toEqual(['wait', 'ProvisioningFailed'])
    expect(said(claim('1Gi'))).toEqual(['wait', 'ProvisioningFailed'])
    expect(said(claim('1Gi'), { storageClass: storageClass('example.com/p'), provisions: false })).toEqual(['wait', undefined])
  })
  it('without a class gets the default one, unless it asks for none (KEP-3333)', () => {
    const { storageClassName: _, ...spec } = claim('1Gi').spec ?? {}
    const classless = { ...claim('1Gi'), spec }
    expect(step(classless, { defaultClass: storageClass('p') })).toEqual({ do: 'use-class', name: 'c' })
    expect(said(classless)).toEqual(['wait', 'FailedBinding'])
    expect(said(claim('1Gi', { storageClassName: '' }), { defaultClass: storageClass('p') })).toEqual(['wait', 'FailedBinding'])
  })
  it('that names a volume waits for that one', () => {
    const naming = claim('1Gi', { volumeName: 'v' })
    expect(said(naming)).toEqual(['wait', undefined])
    expect(step(naming, { named: volume('v', '1Gi') }).do).toBe('bind')
    expect(said(naming, { named: volume('v', '1Mi') })).toEqual(['wait', 'VolumeMismatch'])
    expect(said(naming, { named: volume('v', '1Gi', { claimRef: { namespace: 'ns', name: 'other' } }) })).toEqual(['wait', 'FailedBinding'])
  })
  it('that was bound is lost with its volume', () => {
    const bound = claim('1Gi', { volumeName: 'v' }, { [bindCompleted]: 'yes' })
    expect(said(bound)).toEqual(['lose', 'ClaimLost'])
    expect(said(claim('1Gi', {}, { [bindCompleted]: 'yes' }))).toEqual(['lose', 'ClaimLost'])
    expect(said(bound, { named: volume('v', '1Gi', { claimRef: { namespace: 'ns', name: 'other', uid: 'o' } }) })).toEqual([
      'lose',
      'ClaimMisbound',
    ])
    expect(step(bound, { named: volume('v', '1Gi') }).do).toBe('bind')
  })
})

describe('the pointers', () => {
  it('say whether this controller made them', () => {
    const bound = volumeBoundTo(volume('v', '1Gi'), claim('1Gi'))
    expect([bound?.spec?.claimRef?.uid, bound?.metadata.annotations]).toEqual(['u', { [boundByController]: 'yes' }])
    expect(volumeBoundTo(volume('v', '1Gi', reserved), claim('1Gi'))?.metadata.annotations).toBeUndefined()
    expect(bound && volumeBoundTo(bound, claim('1Gi'))).toBeUndefined()
    expect(Object.keys(claimBoundTo(claim('1Gi'), volume('v', '1Gi'))?.metadata.annotations ?? {})).toEqual([
      boundByController,
      bindCompleted,
    ])
    expect(Object.keys(claimBoundTo(claim('1Gi', { volumeName: 'v' }), volume('v', '1Gi'))?.metadata.annotations ?? {})).toEqual([
      bindCompleted,
    ])
  })
  it('are taken back when they were, else kept as a reservation', () => {
    const bound = volumeBoundTo(volume('v', '1Gi'), claim('1Gi'))
    expect(bound && volumeUnbound(bound).spec?.claimRef).toBeUndefined()
    const byUser = volumeBoundTo(volume('v', '1Gi', reserved), claim('1Gi'))
    expect(byUser && volumeUnbound(byUser).spec?.claimRef).toMatchObject({ name: 'claim', namespace: 'ns' })
    expect(byUser && volumeUnbound(byUser).spec?.claimRef?.uid).toBeUndefined()
  })
})

describe('a volume', () => {
  const at = { claimRef: { namespace: 'ns', name: 'claim', uid: 'u' } }
  it('is available while free or reserved by name, bound when its claim points back, released when that is gone', () => {
    expect(volumeStep(volume('v', '1Gi'), undefined)).toEqual({ do: 'set-phase', phase: 'Available' })
    expect(volumeStep(volume('v', '1Gi', reserved), undefined)).toEqual({ do: 'set-phase', phase: 'Available' })
    expect(volumeStep(volume('v', '1Gi', at), claim('1Gi', { volumeName: 'v' }))).toEqual({ do: 'set-phase', phase: 'Bound' })
    expect(volumeStep(volume('v', '1Gi', at), claim('1Gi'))).toEqual({ do: 'wake-claim' })
    expect(volumeStep(volume('v', '1Gi', at), undefined)).toEqual({ do: 'release' })
  })
  it('whose claim was bound elsewhere is unbound, or given back when it was made for it', () => {
    const elsewhere = claim('1Gi', { volumeName: 'w' })
    expect(volumeStep(volume('v', '1Gi', at), elsewhere)).toEqual({ do: 'unbind' })
    const made = volume('v', '1Gi', { ...at, persistentVolumeReclaimPolicy: 'Delete' }, { [provisionedBy]: 'example.com/p' })
    expect(volumeStep(made, elsewhere)).toEqual({ do: 'release' })
  })
  it('is kept, deleted or scrubbed as its policy says', () => {
    const policy = (persistentVolumeReclaimPolicy: VolumeSpec['persistentVolumeReclaimPolicy'], more: VolumeSpec = {}, made?: string) =>
      reclaim(volume('v', '1Gi', { persistentVolumeReclaimPolicy, ...more }, made ? { [provisionedBy]: made } : {}))
    const nfs = { hostPath: undefined, nfs: { server: 's', path: '/' } } as unknown as VolumeSpec
    expect(policy('Retain').do).toBe('keep')
    expect(policy('Delete').do).toBe('delete')
    expect(policy('Delete', {}, 'example.com/p').do).toBe('keep')
    expect(policy('Delete', { hostPath: { path: '/data' } })).toMatchObject({ do: 'fail', reason: 'VolumeFailedDelete' })
    expect(policy('Delete', nfs)).toMatchObject({ do: 'fail', reason: 'VolumeFailedDelete' })
    expect(policy('Recycle', nfs).do).toBe('recycle')
    expect(policy('Recycle', { hostPath: undefined } as unknown as VolumeSpec)).toMatchObject({ do: 'fail', reason: 'VolumeFailedRecycle' })
  })
})
