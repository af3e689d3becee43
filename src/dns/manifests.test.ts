import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { UnknownObject } from '../api/object.js'
import { resources } from '../client/resources.js'
import { testApiServer } from '../client/testdata/api-server.js'
import { corefile, dnsManifests, dnsServiceIp } from './manifests.js'
import { parseCorefile } from './corefile/corefile.js'
import { implementedPlugins } from './plugins/registry.js'

const options = { serviceSubnet: '10.96.0.0/12', dnsDomain: 'cluster.local', tag: 'v1' }
const reference = join(process.env.QUORATE_REFERENCE ?? '/nowhere', 'facts/kubeadm/objects.json')

describe("the cluster's DNS objects", () => {
  it.skipIf(!existsSync(reference))("are kubeadm's but for the image (skipped without $QUORATE_REFERENCE)", () => {
    const theirs = JSON.parse(readFileSync(reference, 'utf8')) as UnknownObject[]
    for (const ours of dnsManifests(options)) {
      const same = theirs.find(({ kind, metadata }) => kind === ours.kind && metadata.name === ours.metadata.name)
      // The recording has neither rules nor subjects, and no ConfigMap of this name.
      if (!same || ours.kind?.startsWith('ClusterRole')) continue
      const { status: _, ...wanted } = JSON.parse(
        JSON.stringify(same).replace(/registry[^"]*coredns:[^"]*/, 'quorate/coredns:v1'),
      ) as UnknownObject
      delete wanted.metadata.resourceVersion
      expect(ours).toEqual(wanted)
    }
  })

  it('are taken by an API server', async () => {
    const api = await testApiServer()
    const of: Readonly<Record<string, keyof typeof resources>> = {
      ServiceAccount: 'serviceAccounts',
      ClusterRole: 'clusterRoles',
      ClusterRoleBinding: 'clusterRoleBindings',
      ConfigMap: 'configMaps',
      Service: 'services',
      Deployment: 'deployments',
    }
    for (const object of dnsManifests(options)) {
      const resource = api.client.resource<UnknownObject>(resources[of[object.kind ?? ''] as keyof typeof resources])
      const made = await resource.create(object, { fieldValidation: 'Strict' })
      if (object.kind === 'Service') expect(made.spec).toMatchObject({ clusterIP: '10.96.0.10' })
    }
    await api.stop()
  })

  it('have a Corefile whose every plugin is there', () => {
    const [block] = parseCorefile({
      file: 'f',
      text: corefile('cluster.local'),
      environment: () => undefined,
      port: 53,
      readFiles: () => [],
    })
    for (const { name } of block?.directives ?? []) expect(implementedPlugins).toContain(name)
  })

  it('have the tenth address of the first service network', () => {
    expect(dnsServiceIp('10.96.0.0/12')).toBe('10.96.0.10')
    expect(dnsServiceIp('fd00:10::/108,10.96.0.0/12')).toBe('fd00:10::a')
    expect(() => dnsServiceIp('10.0.0.0/29')).toThrow('has no tenth address')
  })
})
