/**
 * A cluster's context in the kubeconfig of the user. Only the entries of that name and current-context change: everything else, comments
 * included, stays. The file is replaced whole, under the lock that kubectl itself takes.
 */
import { closeSync, existsSync, openSync, realpathSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Document, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { Clock } from '../base/clock.js'
import { QuorateError } from '../base/errors.js'
import type { Kubeconfig } from '../pki/kubeconfig.js'
import { makeDirectory, readIfPresent, writeFileWhole } from '../base/node/files.js'

const lists = ['clusters', 'contexts', 'users'] as const
type List = (typeof lists)[number]

/** The text of a kubeconfig with the entries of `added` in it and its context current. */
export function mergedKubeconfig(text: string, added: Kubeconfig, file: string): string {
  const document = parse(text, file)
  for (const list of lists) {
    for (const entry of added[list]) put(document, { list, entry, file })
  }
  setCurrent(document, added['current-context'])
  return print(document, text)
}

/** The text without the entries of this name; undefined when it had none. */
export function withoutContext(text: string, name: string, file: string): string | undefined {
  const document = parse(text, file)
  let found = false
  for (const list of lists) {
    const entries = document.get(list)
    if (!isSeq(entries)) continue
    const kept = entries.items.filter((item) => !(isMap(item) && item.get('name') === name))
    if (kept.length === entries.items.length) continue
    found = true
    entries.items = kept
  }
  if (!found) return undefined
  if (document.get('current-context') === name) setCurrent(document, '')
  return print(document, text)
}

function parse(text: string, file: string): Document {
  const empty = text.trim() === ''
  const document = parseDocument(empty ? 'apiVersion: v1\nkind: Config\n' : text)
  if (document.errors.length > 0 || !(isMap(document.contents) || document.contents === null))
    throw new QuorateError(
      'KubeconfigDamaged',
      `${file} is no kubeconfig: ${document.errors[0]?.message ?? 'its top level is no mapping'}`,
      {
        remedy: 'Mend it, or give another file with --kubeconfig.',
      },
    )
  return document
}

/** The scalar itself changes, so that a comment beside it stays; how it was quoted does not matter. */
function setCurrent(document: Document, name: string): void {
  const node = document.get('current-context', true)
  if (!isScalar(node)) document.set('current-context', name)
  else {
    node.value = name
    node.type = name === '' ? 'QUOTE_DOUBLE' : 'PLAIN'
  }
}

function put(document: Document, { list, entry, file }: { list: List; entry: { readonly name: string }; file: string }): void {
  const entries = document.get(list)
  const node = document.createNode(entry)
  if (entries === null || entries === undefined) {
    document.set(list, document.createNode([entry]))
    return
  }
  if (!isSeq(entries))
    throw new QuorateError('KubeconfigDamaged', `${file} is no kubeconfig: ${list} is no list`, {
      remedy: 'Mend it, or give another file with --kubeconfig.',
    })
  const at = entries.items.findIndex((item) => isMap(item) && item.get('name') === entry.name)
  if (at < 0) {
    // `users: []` is written in flow style, and what goes in would be too.
    if (entries.items.length === 0) entries.flow = false
    entries.items.push(node)
  } else entries.items[at] = node
}

function print(document: Document, before: string): string {
  // Lists are indented as they were; kubectl does not indent them.
  const indentSeq = /^(clusters|contexts|users):[^\S\n]*\n[^\S\n]+-/m.test(before)
  return document.toString({ lineWidth: 0, indentSeq })
}

export interface KubeconfigPlace {
  /** --kubeconfig */
  readonly given: string | undefined
  /** $KUBECONFIG */
  readonly variable: string | undefined
  readonly listSeparator: string
  readonly home: string
}

/** The files that kubectl reads. */
export function kubeconfigFiles({ given, variable, listSeparator, home }: KubeconfigPlace): string[] {
  if (given !== undefined) return [given]
  const listed = (variable ?? '').split(listSeparator).filter((file) => file !== '')
  return listed.length > 0 ? listed : [join(home, '.kube', 'config')]
}

/** Where a new context goes: as kind and client-go choose, the first file there is, else the last named. */
export function fileForContext(files: readonly string[]): string {
  return files.find((file) => existsSync(file)) ?? (files.at(-1) as string)
}

export async function mergeKubeconfig(file: string, added: Kubeconfig, clock: Clock): Promise<void> {
  await changeFile(file, clock, (text) => mergedKubeconfig(text ?? '', added, file))
}

export async function removeContext(file: string, name: string, clock: Clock): Promise<void> {
  if (!existsSync(file)) return
  await changeFile(file, clock, (text) => (text === undefined ? undefined : withoutContext(text, name, file)))
}

const lockWaitMs = 5_000
const lockRetryMs = 20

async function changeFile(file: string, clock: Clock, change: (text: string | undefined) => string | undefined): Promise<void> {
  makeDirectory(dirname(file))
  const lock = `${file}.lock`
  const deadline = clock.monotonic() + lockWaitMs
  while (!tryLock(lock)) {
    if (clock.monotonic() > deadline)
      throw new QuorateError('KubeconfigLocked', `${file} is locked by another program: ${lock} exists`, {
        remedy: `Remove ${lock} when no kubectl or other program is changing the file.`,
      })
    await clock.sleep(lockRetryMs)
  }
  try {
    const text = readIfPresent(file)
    const changed = change(text)
    if (changed === undefined || changed === text) return
    // A link stays a link: the file behind it is replaced.
    const target = text === undefined ? file : realpathSync(file)
    writeFileWhole(target, changed, { mode: text === undefined ? 0o600 : statSync(target).mode & 0o777, durable: true })
  } finally {
    rmSync(lock, { force: true })
  }
}

function tryLock(lock: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new QuorateError('KubeconfigUnwritable', `${lock} cannot be made: ${(error as Error).message}`, {
      remedy: 'Make the directory writable, or give another file with --kubeconfig.',
      cause: error,
    })
  }
}
