import type { Ingress, IngressClass } from '../../../api/types/networking-v1.js'
import { resources } from '../../../client/resources.js'
import type { AdmissionPlugin } from '../admission.js'
import { newestDefault } from '../newest-default.js'
import { type AdmissionDeps, on } from '../plugin.js'

/** An Ingress that names no class, in neither of the two ways, gets the default one. */
export function defaultIngressClass({ access }: AdmissionDeps): AdmissionPlugin {
  const classes = access.lister<IngressClass>(resources.ingressClasses)
  return {
    name: 'DefaultIngressClass',
    handles: on(['CREATE'], 'ingresses.networking.k8s.io'),
    mutate({ object }) {
      const ingress = object as unknown as Ingress
      const named = ingress.spec?.ingressClassName ?? ingress.metadata.annotations?.['kubernetes.io/ingress.class']
      if (named !== undefined) return
      const found = newestDefault(classes.list(), ['ingressclass.kubernetes.io/is-default-class'])
      if (found?.metadata.name) ingress.spec = { ...ingress.spec, ingressClassName: found.metadata.name }
    },
  }
}
