/** The rules of every built-in kind, by "group/resource" of the version that is stored. */
import type { KindRules } from './kind-rules.js'
import { webhookConfigurationRules } from './admissionregistration/webhook-configuration.js'
import { mutatingAdmissionPolicyBindingRules, mutatingAdmissionPolicyRules } from './admissionregistration/mutating-admission-policy.js'
import {
  validatingAdmissionPolicyBindingRules,
  validatingAdmissionPolicyRules,
} from './admissionregistration/validating-admission-policy.js'
import { controllerRevisionRules } from './apps/controller-revision.js'
import { daemonSetRules } from './apps/daemon-set.js'
import { deploymentRules } from './apps/deployment.js'
import { replicaSetRules } from './apps/replica-set.js'
import { statefulSetRules } from './apps/stateful-set.js'
import { cronJobRules } from './batch/cron-job.js'
import { jobRules } from './batch/job.js'
import { podRules } from './core/pod.js'
import { podTemplateRules } from './core/pod-template.js'
import { replicationControllerRules } from './core/replication-controller.js'

/** Each is given objects of its own kind only. */
export const kindRules: Readonly<Record<string, KindRules<never>>> = {
  'admissionregistration.k8s.io/mutatingadmissionpolicies': mutatingAdmissionPolicyRules,
  'admissionregistration.k8s.io/mutatingadmissionpolicybindings': mutatingAdmissionPolicyBindingRules,
  'admissionregistration.k8s.io/mutatingwebhookconfigurations': webhookConfigurationRules,
  'admissionregistration.k8s.io/validatingwebhookconfigurations': webhookConfigurationRules,
  'admissionregistration.k8s.io/validatingadmissionpolicies': validatingAdmissionPolicyRules,
  'admissionregistration.k8s.io/validatingadmissionpolicybindings': validatingAdmissionPolicyBindingRules,
  '/pods': podRules,
  '/podtemplates': podTemplateRules,
  '/replicationcontrollers': replicationControllerRules,
  'apps/controllerrevisions': controllerRevisionRules,
  'apps/daemonsets': daemonSetRules,
  'apps/deployments': deploymentRules,
  'apps/replicasets': replicaSetRules,
  'apps/statefulsets': statefulSetRules,
  'batch/cronjobs': cronJobRules,
  'batch/jobs': jobRules,
}
