import { describe, expect, it } from 'vitest'
import type { ConfigMap, Container, Pod, Secret, Service } from '../../api/types/core-v1.js'
import { environmentFileValue, environmentOf, type EnvironmentSources } from './environment.js'
import { expand } from './expansion.js'
import { fieldValue } from './field-ref.js'
import { resourceFieldValue } from './resource-field-ref.js'
import { servicesFor } from './service-variables.js'

const pod: Pod = {
  metadata: { name: 'web', namespace: 'team', uid: 'u-1', labels: { b: '2', a: 'say "hi"\n' }, annotations: { 'x.io/k': 'v' } },
  spec: { nodeName: 'n-1', serviceAccountName: 'sa', containers: [{ name: 'c', image: 'i', resources: { limits: { memory: '64Mi' } } }] },
}
const container = (more: Partial<Container>): Container => ({ name: 'c', image: 'i', ...more })
const map: ConfigMap = { metadata: { name: 'm' }, data: { one: '1', two: '2' } }
const secret: Secret = { metadata: { name: 's' }, data: { password: btoa('geheim') } }
const service = (
  name: string,
  namespace: string,
  clusterIP: string,
  ports = [
    { port: 80, name: 'http-web' },
    { port: 53, protocol: 'UDP' as const },
  ],
): Service => ({
  metadata: { name, namespace },
  spec: { clusterIP, ports },
})
const sources: EnvironmentSources = {
  podIps: ['10.0.0.5', 'fd00::5'],
  hostIps: ['192.0.2.7'],
  allocatable: { cpu: '1900m', memory: '2Gi' },
  services: [],
  configMap: (name) => Promise.resolve(name === 'm' ? map : undefined),
  secret: (name) => Promise.resolve(name === 's' ? secret : undefined),
  file: () => Promise.resolve(undefined),
}
const values = async (more: Partial<Container>, over: Partial<EnvironmentSources> = {}) =>
  Object.fromEntries((await environmentOf(pod, container(more), { ...sources, ...over })).map(({ name, value }) => [name, value]))

describe('$(VAR)', () => {
  const known = (name: string) => ({ A: 'x', B: '$(A)' })[name]
  it.each([
    ['$(A)', 'x'],
    ['$$(A)', '$(A)'],
    ['$(C)-$(A)', '$(C)-x'],
    ['$(B)', '$(A)'],
    ['a$', 'a$'],
    ['$(A', '$(A'],
    ['$A $$', '$A $'],
    ['$()', '$()'],
  ])('%s means %s', (text, meaning) => expect(expand(text, known)).toBe(meaning))
})

describe('the environment of a container', () => {
  it('takes envFrom first, env over it, and expands by what came before', async () => {
    const found = await values({
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'm' } }, { secretRef: { name: 's' } }],
      env: [
        { name: 'P_two', value: 'zwei' },
        { name: 'both', value: '$(P_one)/$(P_two)/$(later)' },
        { name: 'later', value: 'x' },
      ],
    })
    expect(found).toEqual({ P_one: '1', P_two: 'zwei', password: 'geheim', both: '1/zwei/$(later)', later: 'x' })
  })

  it('says what is missing as upstream does, and forgives what is optional', async () => {
    const from = (valueFrom: object) => values({ env: [{ name: 'X', valueFrom }] })
    await expect(values({ envFrom: [{ configMapRef: { name: 'no' } }] })).rejects.toMatchObject({
      reason: 'CreateContainerConfigError',
      message: 'configmap "no" not found',
    })
    await expect(from({ secretKeyRef: { name: 'no', key: 'k' } })).rejects.toThrow('secret "no" not found')
    await expect(from({ configMapKeyRef: { name: 'm', key: 'k' } })).rejects.toThrow("couldn't find key k in ConfigMap team/m")
    await expect(from({ secretKeyRef: { name: 's', key: 'k' } })).rejects.toThrow("couldn't find key k in Secret team/s")
    expect(await from({ configMapKeyRef: { name: 'm', key: 'k', optional: true } })).toEqual({})
    expect(await values({ envFrom: [{ secretRef: { name: 'no', optional: true } }] })).toEqual({})
  })

  it('tells of Services below what the pod says itself', async () => {
    const services = servicesFor(
      [service('kubernetes', 'team', '10.96.0.9'), service('my-db', 'team', '10.96.0.7'), service('head', 'team', 'None')],
      service('kubernetes', 'default', '10.96.0.1', [{ port: 443, name: 'https' }]),
      true,
    )
    const found = await values(
      {
        env: [
          { name: 'MY_DB_PORT', value: 'mine' },
          { name: 'URL', value: '$(MY_DB_SERVICE_HOST)' },
        ],
      },
      { services },
    )
    expect(found).toMatchObject({
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      MY_DB_SERVICE_HOST: '10.96.0.7',
      MY_DB_SERVICE_PORT: '80',
      MY_DB_SERVICE_PORT_HTTP_WEB: '80',
      MY_DB_PORT_53_UDP: 'udp://10.96.0.7:53',
      MY_DB_PORT_80_TCP_ADDR: '10.96.0.7',
      MY_DB_PORT: 'mine',
      URL: '10.96.0.7',
    })
    expect(found.HEAD_SERVICE_HOST).toBeUndefined()
    expect(servicesFor([service('a', 'team', '10.96.0.2')], undefined, false)).toEqual([])
  })

  it('reads keys of an environment file', () => {
    const text = "# names\nA='one'\n  B='two\nlines'\nC=bare\n"
    expect(environmentFileValue(text, 'A')).toBe('one')
    expect(environmentFileValue(text, 'B')).toBe('two\nlines')
    expect(environmentFileValue(text, 'C')).toBeUndefined()
  })
})

describe('fieldRef', () => {
  it.each([
    ['metadata.name', 'web'],
    ["metadata.labels['b']", '2'],
    ["metadata.annotations['x.io/k']", 'v'],
    ["metadata.labels['none']", ''],
    ['metadata.labels', 'a="say \\"hi\\"\\n"\nb="2"'],
    ['spec.nodeName', 'n-1'],
    ['status.podIP', '10.0.0.5'],
    ['status.podIPs', '10.0.0.5,fd00::5'],
    ['status.hostIP', '192.0.2.7'],
  ])('%s', (path, value) => expect(fieldValue(pod, path, sources)).toBe(value))
  it('refuses others', () => expect(() => fieldValue(pod, 'spec.hostname', sources)).toThrow('unsupported fieldPath: spec.hostname'))
})

describe('resourceFieldRef', () => {
  const of = (resource: string, divisor?: string, limits: Record<string, string> = { memory: '64Mi' }) =>
    resourceFieldValue(
      { resources: { limits, requests: { cpu: '250m' } } },
      { resource, ...(divisor ? { divisor } : {}) },
      sources.allocatable,
    )
  it.each([
    ['limits.memory', undefined, '67108864'],
    ['limits.memory', '1Mi', '64'],
    ['limits.memory', '60Mi', '2'],
    ['requests.cpu', undefined, '1'],
    ['requests.cpu', '1m', '250'],
    ['limits.cpu', undefined, '2'],
    ['limits.cpu', '0', '2'],
    ['requests.memory', undefined, '0'],
  ])('%s by %s', (resource, divisor, value) => expect(of(resource, divisor)).toBe(value))
  it('is what the node can give where no limit is set', () => expect(of('limits.memory', '1Gi', {})).toBe('2'))
})
