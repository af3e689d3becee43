/** The rules of every built-in kind, by "group/resource" of the version that is stored. */
import type { KindRules } from './kind-rules.js'
import { podRules } from './core/pod.js'
import { podTemplateRules } from './core/pod-template.js'

/** Each is given objects of its own kind only. */
export const kindRules: Readonly<Record<string, KindRules<never>>> = {
  '/pods': podRules,
  '/podtemplates': podTemplateRules,
}
