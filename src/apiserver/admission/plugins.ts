import { QuorateError } from '../../base/errors.js'
import type { AdmissionPlugin } from './admission.js'
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from './certificates/certificates.js'
import { defaultIngressClass } from './default-ingress-class/default-ingress-class.js'
import { defaultStorageClass } from './default-storage-class/default-storage-class.js'
import { defaultTolerationSeconds } from './default-toleration-seconds/default-toleration-seconds.js'
import { limitRanger } from './limit-ranger/limit-ranger.js'
import { namespaceLifecycle } from './namespace-lifecycle/namespace-lifecycle.js'
import { nodeRestriction } from './node-restriction/node-restriction.js'
import { persistentVolumeClaimResize } from './persistent-volume-claim-resize/persistent-volume-claim-resize.js'
import type { AdmissionDeps } from './plugin.js'
import { mutatingAdmissionPolicy } from './policies/mutating.js'
import { validatingAdmissionPolicy } from './policies/validating.js'
import { podSecurity } from './pod-security/pod-security.js'
import { podTopologyLabels } from './pod-topology-labels/pod-topology-labels.js'
import { priorityPlugin } from './priority/priority.js'
import { resourceQuota } from './resource-quota/resource-quota.js'
import { runtimeClassPlugin } from './runtime-class/runtime-class.js'
import { serviceAccountPlugin } from './service-account/service-account.js'
import { alwaysAdmit, alwaysDenyAll, alwaysPullImages, denyServiceExternalIps } from './simple/simple.js'
import { storageObjectInUseProtection } from './storage-object-in-use-protection/storage-object-in-use-protection.js'
import { mutatingAdmissionWebhook, validatingAdmissionWebhook } from './webhooks/webhooks.js'
import { taintNodesByCondition } from './taint-nodes-by-condition/taint-nodes-by-condition.js'

interface PluginEntry {
  /** On unless --disable-admission-plugins names it. */
  readonly byDefault: boolean
  /** Left out: this server gets the plugin from elsewhere (`extra`), or has it not yet. */
  readonly make?: (deps: AdmissionDeps) => AdmissionPlugin | undefined
}

const on = (make?: PluginEntry['make']): PluginEntry => ({ byDefault: true, ...(make ? { make } : {}) })
const off = (make?: PluginEntry['make']): PluginEntry => ({ byDefault: false, ...(make ? { make } : {}) })

/** Every plugin by upstream's name, in upstream's order: flags cannot change it. */
export const admissionPlugins: ReadonlyMap<string, PluginEntry> = new Map([
  ['AlwaysAdmit', off(() => alwaysAdmit)],
  ['NamespaceLifecycle', on(({ access }) => namespaceLifecycle(access))],
  ['LimitRanger', on(limitRanger)],
  ['ServiceAccount', on(serviceAccountPlugin)],
  ['NodeRestriction', off(nodeRestriction)],
  ['TaintNodesByCondition', on(taintNodesByCondition)],
  ['AlwaysPullImages', off(() => alwaysPullImages)],
  ['PodSecurity', on(podSecurity)],
  ['PodTopologyLabels', on(podTopologyLabels)],
  ['Priority', on(priorityPlugin)],
  ['DefaultTolerationSeconds', on(() => defaultTolerationSeconds())],
  ['DefaultStorageClass', on(defaultStorageClass)],
  ['StorageObjectInUseProtection', on(storageObjectInUseProtection)],
  ['PersistentVolumeClaimResize', on(persistentVolumeClaimResize)],
  ['RuntimeClass', on(runtimeClassPlugin)],
  ['CertificateApproval', on(certificateApproval)],
  ['CertificateSigning', on(certificateSigning)],
  ['ClusterTrustBundleAttest', on()],
  ['CertificateSubjectRestriction', on(certificateSubjectRestriction)],
  ['DefaultIngressClass', on(defaultIngressClass)],
  ['DenyServiceExternalIPs', off(() => denyServiceExternalIps)],
  ['MutatingAdmissionPolicy', on(mutatingAdmissionPolicy)],
  ['MutatingAdmissionWebhook', on((deps) => deps.webhooks && mutatingAdmissionWebhook(deps, deps.webhooks))],
  ['ValidatingAdmissionPolicy', on(validatingAdmissionPolicy)],
  ['ValidatingAdmissionWebhook', on((deps) => deps.webhooks && validatingAdmissionWebhook(deps, deps.webhooks))],
  ['ResourceQuota', on(resourceQuota)],
  ['AlwaysDeny', off(() => alwaysDenyAll)],
])

export interface AdmissionChoice {
  /** --enable-admission-plugins and --disable-admission-plugins. */
  readonly enable?: readonly string[]
  readonly disable?: readonly string[]
  /** Plugins made elsewhere (webhooks, policies) by name; they take their name's place in the order. */
  readonly extra?: ReadonlyMap<string, AdmissionPlugin>
}

/** The chain that the flags ask for. A name that does not exist, or that is not built, is an error and never passed over. */
export function buildAdmission(deps: AdmissionDeps, { enable = [], disable = [], extra = new Map() }: AdmissionChoice): AdmissionPlugin[] {
  for (const name of [...enable, ...disable])
    if (!admissionPlugins.has(name))
      throw new QuorateError('AdmissionPluginUnknown', `there is no admission plugin ${JSON.stringify(name)}`, {
        remedy: `Name some of: ${[...admissionPlugins.keys()].join(', ')}.`,
      })
  const both = enable.find((name) => disable.includes(name))
  if (both)
    throw new QuorateError('AdmissionPluginContradiction', `the admission plugin ${both} is both enabled and disabled`, {
      remedy: 'Name it in one of --enable-admission-plugins and --disable-admission-plugins.',
    })
  return [...admissionPlugins].flatMap(([name, { byDefault, make }]) => {
    const wanted = enable.includes(name) || (byDefault && !disable.includes(name))
    if (!wanted) return []
    const plugin = extra.get(name) ?? make?.(deps)
    return plugin ? [plugin] : []
  })
}
