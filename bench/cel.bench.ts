/**
 * CEL alone (evaluations and compilations a second on one core), and creates of a custom resource whose definition has rules, on an
 * API server with its store in memory, all in this process.
 */
import type { KubeObject } from '../src/api/object.js'
import type { CustomResourceDefinition, JSONSchemaProps } from '../src/api/types/apiextensions-v1.js'
import { kubernetesEnvironment, perCallCostLimit } from '../src/api/cel/kubernetes/environment.js'
import { schemaType } from '../src/api/cel/kubernetes/schema-type.js'
import { testApiServer } from '../src/client/testdata/api-server.js'
import { clock, figure } from './processes.js'

const spec = {
  type: 'object',
  properties: {
    replicas: { type: 'integer' },
    max: { type: 'integer' },
    name: { type: 'string', maxLength: 63, 'x-kubernetes-validations': [{ rule: "self.matches('^[a-z][a-z0-9-]*$')" }] },
    ports: {
      type: 'array',
      maxItems: 16,
      items: {
        type: 'object',
        properties: { port: { type: 'integer' }, name: { type: 'string', maxLength: 15 } },
        'x-kubernetes-validations': [{ rule: 'self.port > 0 && self.port < 65536' }],
      },
      'x-kubernetes-validations': [{ rule: 'self.all(p, self.exists_one(q, q.name == p.name))' }],
    },
  },
  'x-kubernetes-validations': [
    { rule: 'self.replicas <= self.max', messageExpression: "'%d is more than %d'.format([self.replicas, self.max])" },
    { rule: "self.name.startsWith('app') || self.replicas == 1" },
    { rule: 'self.max >= oldSelf.max' },
  ],
}
const value = { replicas: 2, max: 5, name: 'app-one', ports: Array.from({ length: 4 }, (_, i) => ({ port: 8000 + i, name: `p${i}` })) }
const expressions = ['self.replicas <= self.max', "self.name.startsWith('app') && self.replicas > 0", 'self.ports.all(p, p.port > 0)']
const evaluations = 500_000
const compilations = 2_000
const creates = 5_000
const callers = 32

function evaluate(): void {
  const type = schemaType(spec as unknown as JSONSchemaProps, 'self')
  if (!type) throw new Error('no type')
  const environment = kubernetesEnvironment().extend({ variables: { self: type.type } })
  for (const source of expressions) {
    const compiled = environment.compile(source)
    if (!('program' in compiled)) throw new Error(source)
    const run = () => compiled.program.evaluate({ self: type.adapt(value) }, perCallCostLimit)
    for (let i = 0; i < evaluations / 10; i++) run()
    const startedAtMs = clock.monotonic()
    for (let i = 0; i < evaluations; i++) run()
    figure(source, (evaluations / (clock.monotonic() - startedAtMs)) * 1000, 'a second')
  }
  const startedAtMs = clock.monotonic()
  for (let i = 0; i < compilations; i++) environment.compile(expressions[i % expressions.length] as string)
  figure('compilations', (compilations / (clock.monotonic() - startedAtMs)) * 1000, 'a second')
}

async function create(): Promise<void> {
  const api = await testApiServer()
  const definition: CustomResourceDefinition = {
    metadata: { name: 'apps.bench.example.com' },
    spec: {
      ...{ group: 'bench.example.com', scope: 'Namespaced', names: { plural: 'apps', kind: 'App' } },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec } } as never } },
      ],
    },
  }
  await api.client.resource({ group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' }).create(definition)
  const startedAtMs = clock.monotonic()
  while (!api.server.resources.get('bench.example.com', 'v1', 'apps')) await clock.sleep(1)
  figure('definition served after', clock.monotonic() - startedAtMs, 'ms')
  const apps = api.client.resource<KubeObject & { spec: object }>({ group: 'bench.example.com', version: 'v1', resource: 'apps' })
  let next = 0
  const caller = async () => {
    while (next < creates) await apps.create({ metadata: { name: `a-${next++}`, namespace: 'default' }, spec: value })
  }
  const beganAtMs = clock.monotonic()
  await Promise.all(Array.from({ length: callers }, caller))
  figure('creates that rules judge', (creates / (clock.monotonic() - beganAtMs)) * 1000, 'a second')
  await api.stop()
}

evaluate()
void create()
