/** What the runtime is asked for: upstream's rules of names, resolvers, numbers and rights, as values. */
import { describe, expect, it } from 'vitest'
import type { Pod } from '../../../api/types/core-v1.js'
import { decode, encode } from './api/messages.js'
import { credentialsFor, credentialsOf } from './credentials.js'
import { dnsConfigOf, parseResolvConf } from './dns-config.js'
import { parseImageName } from './image-name.js'
import { oomScoreOf, resourcesOf } from './resources.js'
import { containerSecurity } from './security-context.js'

const container = { name: 'main', image: 'a' }
const podWith = (spec: Partial<NonNullable<Pod['spec']>>): Pod => ({
  metadata: { name: 'web', namespace: 'shop', uid: 'u' },
  spec: { containers: [container], ...spec },
})

describe('the resolver of a pod (dnsPolicy)', () => {
  const host = parseResolvConf('nameserver 192.0.2.1\nsearch old\nsearch corp.example.\noptions timeout:2\n')
  const cluster = { servers: ['10.96.0.10'], domain: 'cluster.local', host }
  it("ClusterFirst asks the cluster, with its search path before the node's", () => {
    expect(dnsConfigOf(podWith({}), cluster)).toEqual({
      servers: ['10.96.0.10'],
      searches: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example'],
      options: ['ndots:5'],
    })
  })
  it("in the host's network it is the node's, unless asked otherwise", () => {
    expect(dnsConfigOf(podWith({ hostNetwork: true }), cluster)).toEqual(host)
    expect(dnsConfigOf(podWith({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }), cluster).servers).toEqual(['10.96.0.10'])
  })
  it('dnsConfig adds servers and wins over options', () => {
    const dnsConfig = { nameservers: ['192.0.2.9'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] }
    expect(dnsConfigOf(podWith({ dnsPolicy: 'None', dnsConfig }), cluster)).toEqual({
      servers: ['192.0.2.9'],
      searches: [],
      options: ['ndots:2', 'edns0'],
    })
  })
})

describe('resources of a container', () => {
  const node = { memoryBytes: 10 * 2 ** 30, cgroupVersion: 1 as const }
  it('a limit alone asks for as much; quota is in periods of 100 ms', () => {
    const limited = { ...container, resources: { limits: { cpu: '500m', memory: '1Gi' } } }
    expect(resourcesOf(podWith({ containers: [limited] }), limited, node)).toMatchObject({
      ...{ cpuShares: 512, cpuQuota: 50_000, cpuPeriod: 100_000, memoryLimitInBytes: 2 ** 30, oomScoreAdj: -997 },
    })
  })
  it('who asks for nothing goes first, then who asked for little', () => {
    const asks = { ...container, resources: { requests: { memory: '1Gi' } } }
    expect(oomScoreOf(podWith({}), container, node.memoryBytes)).toBe(1000)
    expect(oomScoreOf(podWith({ containers: [asks] }), asks, node.memoryBytes)).toBe(900)
  })
})

describe('names of images', () => {
  it('have a tag, a registry and a repository', () => {
    expect(parseImageName('nginx')).toEqual({ full: 'nginx:latest', registry: 'docker.io', repository: 'docker.io/library/nginx' })
    expect(parseImageName('localhost:5000/a/b:1').repository).toBe('localhost:5000/a/b')
  })
  it('that are none are InvalidImageName', () => {
    expect(() => parseImageName('Not/Valid')).toThrow('repository name must be lowercase')
    expect(() => parseImageName('a b')).toThrow('invalid reference format')
  })
  it('choose their credentials: the longest match first', () => {
    const auths = {
      '*.example.com': { auth: btoa('any:one') },
      'reg.example.com/team': { username: 'team', password: 'p' },
      'other.io': {},
    }
    const found = credentialsFor(parseImageName('reg.example.com/team/app'), credentialsOf({ auths }))
    expect(found.map(({ username }) => username)).toEqual(['team', 'any'])
  })
})

describe('security contexts', () => {
  const input = { container, image: { uid: { value: 0 } }, seccompDefault: false, seccompDir: '/s' }
  it('runAsNonRoot refuses an image that runs as root', () => {
    const pod = podWith({ securityContext: { runAsNonRoot: true } })
    expect(() => containerSecurity({ ...input, pod })).toThrow('container has runAsNonRoot and image will run as root')
  })
  it('a container wins over its pod; fsGroup is one of its groups', () => {
    const pod = podWith({ securityContext: { runAsUser: 1, fsGroup: 7 } })
    const own = { ...container, securityContext: { runAsUser: 2, allowPrivilegeEscalation: false } }
    expect(containerSecurity({ ...input, pod, container: own })).toMatchObject({
      ...{ runAsUser: { value: 2 }, supplementalGroups: [7], noNewPrivs: true },
    })
  })
})

it('messages survive the wire', () => {
  const config = {
    metadata: { name: 'a', attempt: 3 },
    labels: { k: 'v' },
    command: ['x', ''],
    linux: { resources: { oomScoreAdj: -997 } },
  }
  expect(decode('ContainerConfig', encode('ContainerConfig', config))).toEqual(config)
})
