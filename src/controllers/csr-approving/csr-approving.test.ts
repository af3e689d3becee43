import { afterEach, describe, expect, it } from 'vitest'
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { restClient } from '../../client/rest-client.js'
import { readRequest, type RequestContent } from '../../pki/signing-requests.js'
import { signingRequest } from '../../pki/testdata/request.js'
import { signers } from '../common/certificate-requests.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { certificateApprovingController, permissionsFor } from './csr-approving.js'

const content: RequestContent = {
  ...{ commonName: 'system:node:n', organizations: ['system:nodes'], dnsNames: [], emailAddresses: [], uris: [], ipAddressCount: 0 },
}
const request = (username: string, signerName: string = signers.kubeletClient): CertificateSigningRequest => ({
  metadata: { name: 'r' },
  spec: { request: '', signerName, username, usages: ['digital signature', 'client auth'] },
})

describe('the rights that a request asks for', () => {
  it('are those of a node about itself before those about any node', () => {
    expect(permissionsFor(request('system:node:n'), content)).toEqual(['selfnodeclient', 'nodeclient'])
    expect(permissionsFor(request('system:bootstrap:abcdef'), content)).toEqual(['nodeclient'])
  })

  it('are none for what is no kubelet client request', () => {
    expect(permissionsFor(request('system:node:n', signers.kubeletServing), content)).toEqual([])
    expect(permissionsFor(request('system:node:n'), { ...content, dnsNames: ['x'] })).toEqual([])
    expect(permissionsFor(request('system:node:n'), undefined)).toEqual([])
  })
})

describe('certificatesigningrequest-approving-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  it('approves when the maker of the request has the right', async () => {
    const clock = new VirtualClock()
    running = await runTestControllers({ controllers: [certificateApprovingController(readRequest)], clock })
    const { api, client, settled, get } = running
    const make = async (name: string, user: { name: string; groups: string[] }) => {
      const pem = await signingRequest({ commonName: 'system:node:n', organizations: ['system:nodes'] })
      const { spec } = request('')
      const created = { metadata: { name }, spec: { ...spec, username: undefined, request: btoa(pem) } }
      await restClient(api.server.transport(user)).resource<CertificateSigningRequest>(resources.certificateSigningRequests).create(created)
      await settled()
      const { status } = await get<CertificateSigningRequest>(resources.certificateSigningRequests, '', name)
      return status?.conditions?.map(({ type, reason }) => [type, reason]) ?? []
    }
    expect(await make('a', { name: 'root', groups: ['system:masters'] })).toEqual([['Approved', 'AutoApproved']])
    const rules = [{ apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests'], verbs: ['create'] }]
    await client.resource(resources.clusterRoles).create({ metadata: { name: 'ask' }, rules } as never)
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'ask' }
    const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }]
    await client.resource(resources.clusterRoleBindings).create({ metadata: { name: 'ask' }, roleRef, subjects } as never)
    await settled()
    expect(await make('b', { name: 'jane', groups: ['system:authenticated'] })).toEqual([])
  })
})
