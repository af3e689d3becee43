/** A static pod out of a manifest's text, with what a kubelet adds to it (upstream: pkg/kubelet/config). */
import { createHash } from 'node:crypto'
import { parse } from 'yaml'
import type { JsonValue } from '../../api/object.js'
import { kindCodec } from '../../api/scheme.js'
import type { Pod } from '../../api/types/core-v1.js'
import { configHashAnnotation, configSeenAnnotation, configSourceAnnotation } from '../../api/well-known.js'

export interface ManifestSource {
  readonly nodeName: string
  readonly file: string
  readonly seenAtMs: number
}

const nameMax = 253

/** Throws with what is wrong. The same text gives the same uid; any change of it gives another. */
export function staticPodOf(text: string, { nodeName, file, seenAtMs }: ManifestSource): Pod {
  const pod = decodePod(text)
  const { name = '', namespace = 'default', annotations, ...metadata } = pod.metadata
  if (name === '') throw new Error('metadata.name: Required value: name or generateName is required')
  const fullName = `${name}-${nodeName.toLowerCase()}`
  if (fullName.length > nameMax) throw new Error(`metadata.name: must be no more than ${nameMax} characters with the node's name`)
  checkContainers(pod)
  const uid = createHash('md5').update(`host:${nodeName};file:${file};`).update(JSON.stringify(pod)).digest('hex')
  return {
    ...pod,
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      name: fullName,
      namespace,
      uid,
      annotations: {
        ...annotations,
        [configHashAnnotation]: uid,
        [configSeenAnnotation]: `${new Date(seenAtMs).toISOString().slice(0, -1)}000000Z`,
        [configSourceAnnotation]: 'file',
      },
    },
    spec: {
      ...pod.spec,
      containers: pod.spec?.containers ?? [],
      nodeName,
      // Nobody can move a static pod elsewhere, so no taint ends it.
      tolerations: [...(pod.spec?.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }],
    },
    status: { phase: 'Pending' },
  }
}

function decodePod(text: string): Pod {
  const value = parse(text, { schema: 'core', maxAliasCount: 100, uniqueKeys: true }) as JsonValue
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('the manifest is no object')
  if (value.apiVersion !== 'v1' || value.kind !== 'Pod')
    throw new Error(
      `no kind "${String(value.kind ?? '')}" of version "${String(value.apiVersion ?? '')}" can be run from a manifest, only a v1 Pod`,
    )
  const codec = kindCodec({ group: '', version: 'v1', kind: 'Pod' })
  if (!codec) throw new Error('assertion failed: the API knows no pods')
  const pod = codec.decode(value)
  codec.applyDefaults(pod)
  return pod as unknown as Pod
}

/** What the API server would refuse, and the kubelet could not run. */
function checkContainers({ spec }: Pod): void {
  if (!spec?.containers?.length) throw new Error('spec.containers: Required value')
  const names = new Set<string>()
  for (const [field, list] of Object.entries({ initContainers: spec.initContainers ?? [], containers: spec.containers })) {
    for (const [index, { name, image }] of list.entries()) {
      const at = `spec.${field}[${index}]`
      if (!name) throw new Error(`${at}.name: Required value`)
      if (!image) throw new Error(`${at}.image: Required value`)
      if (names.has(name)) throw new Error(`${at}.name: Duplicate value: "${name}"`)
      names.add(name)
    }
  }
}
