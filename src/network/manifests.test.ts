import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { testApiServer } from '../client/testdata/api-server.js'
import { resources } from '../client/resources.js'
import { networkManifests } from './manifests.js'

const options = { image: 'quorate/network:v1.36.0', server: 'https://api.example.internal:6443' }

describe("the pod network's objects", () => {
  it('are taken by an API server as they are', async () => {
    const { client, stop } = await testApiServer()
    const [account, role, binding, config, daemonSet] = networkManifests(options)
    await client.resource(resources.serviceAccounts).create(account, { fieldValidation: 'Strict' })
    await client.resource(resources.clusterRoles).create(role, { fieldValidation: 'Strict' })
    await client.resource(resources.clusterRoleBindings).create(binding, { fieldValidation: 'Strict' })
    await client.resource(resources.configMaps).create(config, { fieldValidation: 'Strict' })
    await client.resource(resources.daemonSets).create(daemonSet, { fieldValidation: 'Strict' })
    await stop()
  })

  it('run on every node, before there is a network, and reach the API server without one', () => {
    const [, , , config, daemonSet] = networkManifests({ ...options, backend: 'vxlan', mtu: 1400 })
    const pod = daemonSet.spec?.template.spec
    expect(pod).toMatchObject({ hostNetwork: true, tolerations: [{ operator: 'Exists' }], priorityClassName: 'system-node-critical' })
    expect(pod?.containers[0]?.command).toEqual(
      expect.arrayContaining(['--backend=vxlan', '--mtu=1400', '--hostname-override=$(NODE_NAME)']),
    )
    const kubeconfig = parse(config.data?.['kubeconfig.conf'] ?? '') as { clusters: { cluster: { server: string } }[] }
    expect(kubeconfig.clusters[0]?.cluster.server).toBe(options.server)
  })
})
