import type { Pod, Service } from '../../../api/types/core-v1.js'
import { containersOf } from '../../pod-references.js'
import type { AdmissionPlugin } from '../admission.js'
import { on, refused } from '../plugin.js'

/** Plugins of upstream that are off by default and have one rule each. */

export const alwaysAdmit: AdmissionPlugin = { name: 'AlwaysAdmit', handles: () => false }

export const alwaysDenyAll: AdmissionPlugin = {
  name: 'AlwaysDeny',
  handles: () => true,
  validate(request) {
    throw refused(request, 'admission control is denying all modifications')
  },
}

/** Private images stay private on a shared node: each start asks the image's registry whether the pod may have it. */
export const alwaysPullImages: AdmissionPlugin = {
  name: 'AlwaysPullImages',
  handles: on(['CREATE', 'UPDATE'], 'pods'),
  mutate({ object }) {
    for (const container of containersOf(object as unknown as Pod)) container.imagePullPolicy = 'Always'
  },
}

/** CVE-2020-8554: external addresses let a Service take traffic that is not its own. */
export const denyServiceExternalIps: AdmissionPlugin = {
  name: 'DenyServiceExternalIPs',
  handles: on(['CREATE', 'UPDATE'], 'services'),
  validate(request) {
    const of = (object: unknown) => (object as Service | undefined)?.spec?.externalIPs ?? []
    const known = new Set(of(request.oldObject))
    if (of(request.object).some((address) => !known.has(address)))
      throw refused(request, 'Use of external IPs is denied by admission control.')
  },
}
