/** Writes the type checking of each ValidatingAdmissionPolicy into its status, once a generation. */
import { builtinType } from '../../api/cel/kubernetes/builtin-type.js'
import { schemaType } from '../../api/cel/kubernetes/schema-type.js'
import { keyOf } from '../../api/object.js'
import { builtinResource } from '../../api/registry.js'
import { StatusError } from '../../api/status.js'
import type { ValidatingAdmissionPolicy } from '../../api/types/admissionregistration-v1.js'
import type { CustomResourceDefinition } from '../../api/types/apiextensions-v1.js'
import { resources } from '../../client/resources.js'
import { unlessGone } from '../common/refusals.js'
import type { Controller, View } from '../controller.js'
import { type KnownKinds, typeWarnings } from './type-checking.js'

export function validatingAdmissionPolicyStatusController(): Controller {
  return {
    name: 'validatingadmissionpolicy-status-controller',
    watches: [{ resource: resources.validatingAdmissionPolicies, toKeys: (object) => [keyOf(object)] }],
    async reconcile(key, view) {
      const policy = view.lister<ValidatingAdmissionPolicy>(resources.validatingAdmissionPolicies).get(key)
      if (!policy) return
      const { generation = 0 } = policy.metadata
      if (generation <= (policy.status?.observedGeneration ?? 0)) return
      const expressionWarnings = typeWarnings(policy, knownKinds(await definitionsOf(policy, view)))
      const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {}
      const status = { ...policy.status, observedGeneration: generation, typeChecking }
      const of = view.client.resource<ValidatingAdmissionPolicy>(resources.validatingAdmissionPolicies)
      await unlessGone(of.updateStatus({ ...policy, status }))
    },
  }
}

/** Of the custom resources that a policy names: few, so they are asked for rather than all kept. */
async function definitionsOf({ spec }: ValidatingAdmissionPolicy, view: View): Promise<readonly CustomResourceDefinition[]> {
  const names = new Set<string>()
  for (const { apiGroups = [], apiVersions = [], resources: named = [] } of spec?.matchConstraints?.resourceRules ?? [])
    for (const group of apiGroups)
      for (const resource of named)
        if (group.includes('.') && !apiVersions.some((version) => builtinResource({ group, version, resource })))
          names.add(`${resource}.${group}`)
  const isName = (name: string) => !/[*/]/.test(name)
  const found = await Promise.all(
    [...names].filter(isName).map((name) =>
      view.client
        .resource<CustomResourceDefinition>(resources.customResourceDefinitions)
        .get('', name)
        // What cannot be seen cannot be checked against.
        .catch((error: unknown) => {
          if (error instanceof StatusError) return undefined
          throw error
        }),
    ),
  )
  return found.filter((definition) => definition !== undefined)
}

function knownKinds(definitions: readonly CustomResourceDefinition[]): KnownKinds {
  return {
    kindOf({ group, version, resource }) {
      const builtin = builtinResource({ group, version, resource })
      if (builtin) return { group, version, kind: builtin.kind }
      const custom = definitions.find(({ spec }) => spec.group === group && spec.names.plural === resource)
      const isServed = custom?.spec.versions.some(({ name, served }) => served && name === version)
      return custom && isServed ? { group, version, kind: custom.spec.names.kind } : undefined
    },
    typeOf(kind) {
      const builtin = builtinType(kind)
      if (builtin) return builtin
      const custom = definitions.find(({ spec }) => spec.group === kind.group && spec.names.kind === kind.kind)
      const schema = custom?.spec.versions.find(({ name }) => name === kind.version)?.schema?.openAPIV3Schema
      return schema && schemaType(schema, kind.kind, true)
    },
  }
}
