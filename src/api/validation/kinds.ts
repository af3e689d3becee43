/** The rules of every built-in kind, by "group/resource" of the version that is stored. */
import type { KindRules } from './kind-rules.js'
import { webhookConfigurationRules } from './admissionregistration/webhook-configuration.js'
import { mutatingAdmissionPolicyBindingRules, mutatingAdmissionPolicyRules } from './admissionregistration/mutating-admission-policy.js'
import {
  validatingAdmissionPolicyBindingRules,
  validatingAdmissionPolicyRules,
} from './admissionregistration/validating-admission-policy.js'
import { podRules } from './core/pod.js'
import { podTemplateRules } from './core/pod-template.js'

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
}
