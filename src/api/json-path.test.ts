import { describe, expect, it } from 'vitest'
import { JsonPathError, parseJsonPath } from './json-path.js'

const root = {
  metadata: { labels: { 'app.kubernetes.io/name': 'web' } },
  spec: {
    replicas: 3,
    ports: [
      { name: 'http', port: 80 },
      { name: 'admin', port: 8080 },
    ],
    empty: null,
  },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Synced', status: 'False' },
    ],
  },
}

describe('JSONPath of columns and paths', () => {
  const cases: [string, unknown[]][] = [
    ['.spec.replicas', [3]],
    ['{.spec.replicas}', [3]],
    ['.spec.ports[0].port', [80]],
    ['.spec.ports[-1].port', [8080]],
    ['.spec.ports[*].name', ['http', 'admin']],
    ['.spec.ports[0:1].name', ['http']],
    [".metadata.labels['app.kubernetes.io/name']", ['web']],
    ['.metadata.labels.app\\.kubernetes\\.io/name', ['web']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    [".status.conditions[?(@.type=='Synced')].status", ['False']],
    ['.spec.ports[?(@.port>100)].name', ['admin']],
    ['.spec.empty', []],
    ['.spec.nothing.there', []],
  ]
  for (const [path, found] of cases)
    it(`${path} finds ${JSON.stringify(found)}`, () => {
      expect(parseJsonPath(path).find(root)).toEqual(found)
    })

  it('knows a path of names alone, and refuses what is no path', () => {
    expect(parseJsonPath('.spec.replicas').names).toEqual(['spec', 'replicas'])
    expect(parseJsonPath('.spec.ports[0]').names).toBeUndefined()
    for (const wrong of ['spec replicas', '.a[', '.a[b c]', 'x']) expect(() => parseJsonPath(wrong), wrong).toThrow(JsonPathError)
  })
})
