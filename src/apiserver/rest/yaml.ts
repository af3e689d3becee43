/** YAML as Kubernetes reads it: version 1.1 (yes and on are true, 0777 is octal), without times: they stay the text that they are. */
import { type CollectionTag, parseAllDocuments, type ScalarTag, stringify } from 'yaml'
import type { JsonValue } from '../../api/object.js'

/** Aliases beyond this are an attack, not an object. */
const aliasesMax = 100

/** Sexagesimal numbers and timestamps are read as the text that they are. */
function isRead(tag: ScalarTag | CollectionTag): boolean {
  return !('format' in tag && tag.format === 'TIME') && tag.tag !== 'tag:yaml.org,2002:timestamp'
}

/** The first document of a text. Throws what is wrong with it; `twice` gets a message for each member that is there twice. */
export function readYaml(text: string, twice: string[]): JsonValue {
  const documents = parseAllDocuments(text, {
    version: '1.1',
    merge: true,
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || isRead(tag)),
  })
  const document = Array.isArray(documents) ? documents[0] : undefined
  if (!document) throw new Error('it is empty')
  for (const error of document.errors) {
    if (error.code !== 'DUPLICATE_KEY') throw error
    twice.push(error.message.split('\n', 1)[0] ?? '')
  }
  return document.toJS({ maxAliasCount: aliasesMax }) as JsonValue
}

/** A value as upstream's servers write it: members in the order of their names, what version 1.1 would misread in quotes. */
export function writeYaml(value: unknown): string {
  return stringify(value, { version: '1.1', sortMapEntries: true, indentSeq: false, lineWidth: 0 })
}
