import type { CustomResourceDefinition } from '../../../api/types/apiextensions-v1.js'
import { timestamp } from '../../../base/clock.js'
import type { Strategy } from '../strategy.js'
import { unknownFormats } from './schema-faults.js'
import { definitionFaults } from './definition-faults.js'

/** Holds a definition until its objects are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io'

type Definition = CustomResourceDefinition

export const customResourceDefinitionStrategy: Strategy<Definition> = {
  resource: { group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
  allowUnconditionalUpdate: false,
  storagePrefix: 'apiextensions.k8s.io/customresourcedefinitions',
  prepareForCreate(definition) {
    definition.status = { conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: [] } as unknown as NonNullable<
      Definition['status']
    >
    rememberStoredVersion(definition)
  },
  prepareForUpdate(definition) {
    rememberStoredVersion(definition)
  },
  prepareForStatusUpdate(definition) {
    // An administrator takes versions out, but objects always lie there in some.
    if (!definition.status?.storedVersions?.length) rememberStoredVersion(definition)
  },
  validate: (definition, old) => definitionFaults(definition, old),
  warnings: ({ spec }) =>
    (spec.versions ?? []).flatMap(({ name, schema }) =>
      unknownFormats(schema?.openAPIV3Schema ?? {}).map(
        (format) => `spec.versions[${name}].schema: unrecognized format ${JSON.stringify(format)}`,
      ),
    ),
  countsDeletion: false,
  prepareForDeletion(definition, { clock }) {
    const { metadata } = definition
    delete metadata.deletionGracePeriodSeconds
    if (!metadata.finalizers?.includes(cleanupFinalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), cleanupFinalizer]
    const status = (definition.status ??= {})
    status.conditions = [
      ...(status.conditions ?? []).filter(({ type }) => type !== 'Terminating'),
      {
        type: 'Terminating',
        status: 'True',
        lastTransitionTime: timestamp(clock.now()),
        reason: 'InstanceDeletionPending',
        message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
      },
    ]
  },
}

/** Every version that objects may lie in the store in. Only an administrator takes one out again, by the status. */
function rememberStoredVersion({ spec, status }: Definition): void {
  const stored = spec.versions?.find(({ storage }) => storage)?.name
  if (stored === undefined || !status) return
  if (!status.storedVersions?.includes(stored)) status.storedVersions = [...(status.storedVersions ?? []), stored]
}
