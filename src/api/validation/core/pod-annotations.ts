/** Annotations that mean something to a pod: AppArmor and seccomp profiles of before they were fields, deletion cost. */
import type { PodSpec } from '../../types/core-v1.js'
import type { Faults } from '../faults.js'
import { mustBeRelativePath } from '../names.js'
import { everyContainer } from './pod-spec.js'

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/'
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod'
const seccompPrefix = 'container.seccomp.security.alpha.kubernetes.io/'
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost'
const mirror = 'kubernetes.io/config.mirror'
const int32Max = 2 ** 31 - 1

type Annotations = Readonly<Record<string, string>>

export function podAnnotationFaults(faults: Faults, path: string, annotations: Annotations | undefined, spec: PodSpec): void {
  if (!annotations) return
  for (const key in annotations) {
    const value = annotations[key] ?? ''
    if (key === mirror && !spec.nodeName) faults.invalid(`${path}[${key}]`, value, 'must set spec.nodeName if mirror pod annotation is set')
    else if (key === deletionCost) costFaults(faults, `${path}[${key}]`, value)
    else if (key.startsWith(appArmorPrefix)) appArmorFaults(faults, `${path}[${key}]`, key.slice(appArmorPrefix.length), value, spec)
    else if (key === seccompPod || key.startsWith(seccompPrefix)) seccompFaults(faults, `${path}.${key}`, value)
  }
}

/** Written as strconv.ParseInt reads it: no plus sign, no leading zeros. */
function costFaults(faults: Faults, path: string, value: string): void {
  if (!/^(?:0|-?[1-9]\d*)$/.test(value) || Math.abs(Number(value)) > int32Max) faults.invalid(path, value, 'must be a 32bit integer')
}

function appArmorFaults(faults: Faults, path: string, container: string, value: string, spec: PodSpec): void {
  if (![...everyContainer('', spec)].some(([{ name }]) => name === container)) faults.invalid(path, container, 'container not found')
  if (value !== '' && value !== 'runtime/default' && value !== 'unconfined' && !value.startsWith('localhost/'))
    faults.invalid(path, value, 'invalid AppArmor profile name')
}

function seccompFaults(faults: Faults, path: string, value: string): void {
  if (value === 'runtime/default' || value === 'docker/default' || value === 'unconfined') return
  if (value.startsWith('localhost/')) mustBeRelativePath(faults, path, value.slice('localhost/'.length))
  else faults.invalid(path, value, 'must be a valid seccomp profile')
}
