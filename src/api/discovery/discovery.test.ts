import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { builtinResources } from '../registry.js'
import { aggregated, apiGroup, apiGroupList, apiResourceList, byPriority } from './discovery.js'

it('orders versions by stability, then number', () => {
  expect(['v1beta1', 'v1', 'foo', 'v2alpha1', 'v10', 'v2'].sort(byPriority)).toEqual(['v10', 'v2', 'v1', 'v1beta1', 'v2alpha1', 'foo'])
})

const facts = join(process.env.QUORATE_REFERENCE ?? '', 'facts')
const read = (name: string) => JSON.parse(readFileSync(join(facts, name), 'utf8')) as Record<string, Record<string, unknown>>
describe.skipIf(!existsSync(join(facts, 'discovery.json')))('equals what the real API server says (needs QUORATE_REFERENCE)', () => {
  const infos = builtinResources()
  it('resource lists and groups', () => {
    for (const [path, document] of Object.entries(read('discovery.json'))) {
      const [, root, group = '', version] = path.split('/')
      if (root === 'api' && group) expect(apiResourceList(infos, '', group), path).toEqual(document)
      else if (root === 'apis' && version) expect(apiResourceList(infos, group, version), path).toEqual(document)
      else if (root === 'apis' && group) expect(apiGroup(infos, group), path).toEqual(document)
      else if (root === 'apis') expect(apiGroupList(infos), path).toEqual(document)
    }
  })
  it('aggregated', () => {
    const documents = read('discovery-aggregated.json')
    expect(aggregated(infos, true)).toEqual(documents['/api'])
    expect(aggregated(infos, false)).toEqual(documents['/apis'])
  })
})
