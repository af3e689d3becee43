/**
 * Reads a configuration file: YAML documents of kubeadm, of the kubelet and of kube-proxy, in any order. What cannot be read is
 * refused as a whole, with every fault. A document of the older v1beta3 is brought up to v1beta4 and said to be old.
 */
import { parseAllDocuments } from 'yaml'
import type { Fault } from '../../api/status.js'
import { QuorateError } from '../../base/errors.js'
import { fromV1beta3 } from './migrate.js'
import { type DocumentKind, schemas } from './schemas.js'
import { shapeFaults } from './shape.js'
import { kubeadmApiVersion } from './types.js'

export interface Documents {
  readonly kubeadm: Readonly<Partial<Record<DocumentKind, Record<string, unknown>>>>
  /** KubeletConfiguration and KubeProxyConfiguration, as they are written. */
  readonly kubelet?: Record<string, unknown>
  readonly kubeProxy?: Record<string, unknown>
  readonly warnings: readonly string[]
}

const kubeletApiVersion = 'kubelet.config.k8s.io/v1beta1'
const proxyApiVersion = 'kubeproxy.config.k8s.io/v1alpha1'
const oldApiVersion = 'kubeadm.k8s.io/v1beta3'
/** Beyond this it is no configuration. */
const textLengthMax = 4 * 2 ** 20

/** Throws QuorateError BadConfig. `source` is how the text is called in messages. */
export function readDocuments(text: string, source: string): Documents {
  if (text.length > textLengthMax) throw badConfig(source, ['it is too large'])
  const kubeadm: Partial<Record<DocumentKind, Record<string, unknown>>> = {}
  const warnings: string[] = []
  const faults: string[] = []
  const others: { kubelet?: Record<string, unknown>; kubeProxy?: Record<string, unknown> } = {}
  for (const value of parsed(text, source)) {
    const { apiVersion, kind } = value
    const name = `${String(apiVersion ?? '')}, Kind=${String(kind ?? '')}`
    if (apiVersion === kubeletApiVersion && kind === 'KubeletConfiguration') others.kubelet = value
    else if (apiVersion === proxyApiVersion && kind === 'KubeProxyConfiguration') others.kubeProxy = value
    else if ((apiVersion !== kubeadmApiVersion && apiVersion !== oldApiVersion) || !isKind(kind)) {
      faults.push(`${name} is not a document that is known (${kubeadmApiVersion}: ${Object.keys(schemas).join(', ')})`)
    } else if (kubeadm[kind]) faults.push(`there are two documents of kind ${kind}`)
    else {
      const document = apiVersion === oldApiVersion ? fromV1beta3(kind, value) : value
      if (apiVersion === oldApiVersion)
        warnings.push(`${kind} has the old apiVersion ${oldApiVersion}: bring it up with "quorate config migrate"`)
      faults.push(...shapeFaults(schemas[kind], document, '').map((fault) => `${kind}: ${faultText(fault)}`))
      kubeadm[kind] = document
    }
  }
  if (faults.length > 0) throw badConfig(source, faults)
  return { kubeadm, ...others, warnings }
}

function parsed(text: string, source: string): Record<string, unknown>[] {
  const documents = parseAllDocuments(text, { schema: 'core', uniqueKeys: true })
  const list = 'empty' in documents ? [] : documents
  const errors = list.flatMap((document) => document.errors.map((error) => error.message.split('\n')[0] ?? ''))
  if (errors.length > 0) throw badConfig(source, errors)
  const values = list
    .map((document) => document.toJS({ maxAliasCount: 100 }) as unknown)
    .filter((value) => value !== null && value !== undefined)
  if (values.some((value) => typeof value !== 'object' || Array.isArray(value))) throw badConfig(source, ['a document is not an object'])
  return values as Record<string, unknown>[]
}

function isKind(kind: unknown): kind is DocumentKind {
  return typeof kind === 'string' && Object.hasOwn(schemas, kind)
}

export function faultText({ path, reason, value, detail }: Fault): string {
  const words =
    reason === 'FieldValueRequired' ? 'Required value' : reason === 'FieldValueNotSupported' ? 'Unsupported value' : 'Invalid value'
  const shown = value === undefined || reason === 'FieldValueRequired' ? '' : `: ${JSON.stringify(value)}`
  return `${path}: ${words}${shown}${detail ? `: ${detail}` : ''}`
}

export function badConfig(source: string, faults: readonly string[]): QuorateError {
  return new QuorateError('BadConfig', `the configuration in ${source} is not valid:\n  ${faults.join('\n  ')}`, {
    remedy: '"quorate config validate --config FILE" checks a file; "quorate config print init-defaults" shows one.',
  })
}
