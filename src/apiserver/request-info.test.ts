import { expect, it } from 'vitest'
import { requestInfo } from './request-info.js'

const info = (line: string) => {
  const [method = '', target = ''] = line.split(' ')
  const [path = '', query = ''] = target.split('?')
  const { verb, group, version, namespace, resource, name, subresource, isResource } = requestInfo(method, path, new URLSearchParams(query))
  return isResource ? [verb, group, version, namespace, resource, name, subresource].join('|') : `${verb} non-resource`
}

it.each([
  ['GET /api/v1/pods', 'list||v1||pods||'],
  ['GET /api/v1/pods?watch=1', 'watch||v1||pods||'],
  ['GET /api/v1/namespaces/ns/pods/p', 'get||v1|ns|pods|p|'],
  ['GET /api/v1/namespaces/ns/pods/p/log', 'get||v1|ns|pods|p|log'],
  ['POST /api/v1/namespaces/ns/pods/p/binding', 'create||v1|ns|pods|p|binding'],
  ['GET /api/v1/namespaces', 'list||v1||namespaces||'],
  ['GET /api/v1/namespaces/ns', 'get||v1|ns|namespaces|ns|'],
  ['PUT /api/v1/namespaces/ns/finalize', 'update||v1|ns|namespaces|ns|finalize'],
  ['PUT /api/v1/namespaces/ns/status', 'update||v1|ns|namespaces|ns|status'],
  ['DELETE /apis/apps/v1/namespaces/ns/deployments', 'deletecollection|apps|v1|ns|deployments||'],
  ['PATCH /apis/apps/v1/namespaces/ns/deployments/d/scale', 'patch|apps|v1|ns|deployments|d|scale'],
  ['GET /api/v1/watch/namespaces/ns/pods', 'watch||v1|ns|pods||'],
  ['GET /api/v1/pods?fieldSelector=metadata.name%3Dx', 'list||v1||pods|x|'],
  ['GET /apis', 'get non-resource'],
  ['GET /apis/apps/v1', 'get non-resource'],
  ['GET /healthz', 'get non-resource'],
  ['POST /version', 'post non-resource'],
])('%s is %s', (line, expected) => expect(info(line)).toBe(expected))
