import type { Pod } from '../../api/types/core-v1.js'

/** What a pod says of itself to its containers (fieldRef), in the environment and in downwardAPI volumes. Pure. */
export interface FieldContext {
  readonly podIps: readonly string[]
  readonly hostIps: readonly string[]
}

const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/

/** Throws for a path that means nothing. */
export function fieldValue(pod: Pod, path: string, { podIps, hostIps }: FieldContext): string {
  const { metadata, spec } = pod
  const keyed = subscript.exec(path)
  if (keyed) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] as string] ?? ''
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? ''
    case 'metadata.namespace':
      return metadata.namespace ?? ''
    case 'metadata.uid':
      return metadata.uid ?? ''
    case 'metadata.labels':
      return formatMap(metadata.labels)
    case 'metadata.annotations':
      return formatMap(metadata.annotations)
    case 'spec.nodeName':
      return spec?.nodeName ?? ''
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? ''
    case 'spec.restartPolicy':
      return spec?.restartPolicy ?? ''
    case 'status.phase':
      return pod.status?.phase ?? ''
    case 'status.podIP':
      return podIps[0] ?? ''
    case 'status.podIPs':
      return podIps.join(',')
    case 'status.hostIP':
      return hostIps[0] ?? ''
    case 'status.hostIPs':
      return hostIps.join(',')
    default:
      throw new Error(`unsupported fieldPath: ${path}`)
  }
}

/** One `key="value"` a line, sorted, the value quoted as Go's %q has it. */
function formatMap(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${goQuote(map[key] ?? '')}`)
    .join('\n')
}

const escapes: Readonly<Record<string, string>> = {
  ...{ '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' },
  ...{ '\u0007': '\\a', '\b': '\\b', '\f': '\\f', '\v': '\\v' },
}

function goQuote(text: string): string {
  let quoted = ''
  for (const char of text) {
    const code = char.codePointAt(0) as number
    if (escapes[char]) quoted += escapes[char]
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`
    else if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(char)) quoted += char
    else quoted += code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  }
  return `"${quoted}"`
}
