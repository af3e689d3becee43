/**
 * A kubelet's configuration: defaults, over them the file of --config, the drop-ins of --config-dir in the order of their names
 * (KEP-3983), and the flags that were given. Without a file the flags' own defaults hold, which are laxer (anonymous requests).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { parseDurationMs } from '../../../base/duration.js'
import { messageOf, QuorateError } from '../../../base/errors.js'
import type { Taint } from '../../../api/types/core-v1.js'
import { FlagError, type FlagDefinition, type Flags } from '../../flags/flags.js'
import type { Field } from './fields.js'
import { flagPaths, type KubeletConfiguration, kubeletFields } from './kubelet-fields.js'
import { type Document, merged, readFields, withPath } from './read.js'
import { configurationFaults } from './validate.js'

export interface ReadConfiguration {
  readonly configuration: KubeletConfiguration
  /** The whole of it as a document, for /configz. */
  readonly document: Document
  /** Fields that the files set. */
  readonly given: readonly string[]
}

const apiVersion = 'kubelet.config.k8s.io/v1beta1'
const kind = 'KubeletConfiguration'

export interface ReadOptions {
  readonly flags: Flags
  readonly definitions: readonly FlagDefinition[]
  readonly resolvePath: (path: string) => string
}

export function readKubeletConfiguration({ flags, definitions, resolvePath }: ReadOptions): ReadConfiguration {
  const file = flags.string('config')
  const directory = flags.string('config-dir')
  if (directory !== '' && file === '') throw new FlagError('--config-dir needs --config: drop-ins go over a file')
  let document: Document = file === '' ? laxDefaults : readFile(resolvePath(file), '--config')
  for (const dropIn of directory === '' ? [] : dropIns(resolvePath(directory)))
    document = merged(document, readFile(dropIn, '--config-dir'))
  const given = Object.keys(document)
  for (const [flag, path, field] of fieldsOfFlags(definitions))
    if (flags.has(flag)) document = withPath(document, path, flagValue(flags, flag, field))
  const read = readFields(kubeletFields, withDefaultEvictions(document))
  const configuration = read.values as unknown as KubeletConfiguration
  const faults = [...read.faults, ...(read.faults.length === 0 ? configurationFaults(configuration) : [])]
  if (faults.length > 0) throw new QuorateError('BadConfiguration', `failed to validate kubelet configuration, error: ${list(faults)}`)
  return { configuration, document: { apiVersion, kind, ...read.document }, given }
}

/** What holds without a file, for the sake of old command lines (upstream's applyLegacyDefaults). */
const laxDefaults: Document = {
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  readOnlyPort: 10_255,
}

function readFile(file: string, flag: string): Document {
  try {
    const {
      apiVersion: version,
      kind: found,
      ...document
    } = parse(readFileSync(file, 'utf8'), { schema: 'core', uniqueKeys: true }) as Document
    if (found !== kind || version !== apiVersion) throw new Error(`no ${kind} of ${apiVersion}`)
    const unknown = readFields(kubeletFields, document).faults
    if (unknown.length > 0) throw new Error(`strict decoding error: ${unknown.join(', ')}`)
    return document
  } catch (error) {
    const message = `${flag}: failed to load kubelet config file, path: ${file}, error: ${messageOf(error)}`
    throw new QuorateError('FileUnreadable', message, { cause: error })
  }
}

/** Every .conf below the directory, in the order of their paths. */
function dropIns(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.conf'))
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .sort()
  } catch (error) {
    throw new QuorateError('FileUnreadable', `--config-dir: ${messageOf(error)}`, { cause: error })
  }
}

function withDefaultEvictions(document: Document): Document {
  const own = document.evictionHard
  if (document.mergeDefaultEvictionSettings !== true || typeof own !== 'object' || own === null) return document
  return { ...document, evictionHard: { ...kubeletFields.evictionHard.default, ...own } }
}

/** Flag → path of its field: by the table, else by the same name in the other spelling. */
function* fieldsOfFlags(definitions: readonly FlagDefinition[]): Iterable<readonly [flag: string, path: string, field: Field]> {
  for (const { name } of definitions) {
    const path = flagPaths[name] ?? name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
    const field = path
      .split('.')
      .reduce<Field | undefined>((at, key) => (at?.kind === 'group' ? at.fields[key] : undefined), { kind: 'group', fields: kubeletFields })
    if (field) yield [name, path, field]
  }
}

function flagValue(flags: Flags, flag: string, field: Field): unknown {
  switch (field.kind) {
    case 'bool':
      return flags.bool(flag)
    case 'number':
      return flags.int(flag)
    case 'texts':
      return flags.list(flag)
    case 'map':
      return Object.fromEntries(flags.list(flag).map((pair) => pairOf(flag, pair)))
    case 'any':
      return flag === 'register-with-taints' ? flags.list(flag).map(taintOf) : flags.string(flag)
    case 'duration':
      if (parseDurationMs(flags.string(flag)) === undefined) throw new FlagError(`--${flag}: invalid duration`)
      return flags.string(flag)
    default:
      return flags.string(flag)
  }
}

/** "memory.available<100Mi" of eviction thresholds, "cpu=100m" of the rest. */
function pairOf(flag: string, pair: string): [string, string] {
  const at = pair.search(/[=<]/)
  if (at <= 0) throw new FlagError(`--${flag}: "${pair}" is no pair of a name and a value`)
  return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
}

const effects = new Set(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])

/** "key=value:Effect" or "key:Effect". */
export function taintOf(text: string): Taint {
  const colon = text.lastIndexOf(':')
  const [key = '', value] = text.slice(0, colon).split('=')
  const effect = text.slice(colon + 1)
  if (colon <= 0 || key === '' || !effects.has(effect)) throw new FlagError(`invalid taint spec: ${text}`)
  return { key, ...(value ? { value } : {}), effect: effect as Taint['effect'] }
}

function list(faults: readonly string[]): string {
  return faults.length === 1 ? (faults[0] as string) : `[${faults.join(', ')}]`
}
