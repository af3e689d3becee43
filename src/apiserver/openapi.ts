/**
 * /openapi/v2 and /openapi/v3: made when somebody asks, from the schemas of what is served now, and kept as compressed bytes until
 * that changes. Clients cache by the hash in a version 3 URL, so an answer under the right hash never changes.
 */
import { documentPath, documentThree, documentTwo } from '../api/openapi/documents.js'
import { encodeOpenApiTwo } from '../api/openapi/protobuf-two.js'
import { notAcceptable } from '../api/status.js'
import { fingerprint } from '../base/fingerprint.js'
import type { ApiRequest, Headers, Responder } from './handler.js'
import type { ServedResource } from './registry/resource.js'
import type { Resources } from './resources.js'

export interface Compression {
  gzip(bytes: Uint8Array): Uint8Array
  gunzip(bytes: Uint8Array): Uint8Array
}

export interface OpenApiDeps {
  readonly resources: Resources
  readonly gitVersion: string
  /** Without it documents are kept and sent as they are. */
  readonly compression?: Compression
}

const encoder = new TextEncoder()
const root = '/openapi/v3'
const protobufTwo = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
const mediaTypesTwo: Readonly<Record<string, 'json' | 'protobuf'>> = {
  'application/json': 'json',
  'application/*': 'json',
  '*/*': 'json',
  [protobufTwo]: 'protobuf',
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf': 'protobuf',
}

interface Kept {
  readonly hash: string
  readonly bytes: Uint8Array
}

export class OpenApi {
  readonly #deps: OpenApiDeps
  readonly #documents = new Map<string, Kept>()
  readonly #hashes = new WeakMap<ServedResource, string>()

  constructor(deps: OpenApiDeps) {
    this.#deps = deps
    deps.resources.onChange(() => this.#forgetStale())
  }

  /** False: the path is not one of these. */
  serve(request: ApiRequest, responder: Responder): boolean {
    const { path } = request
    if (path === '/openapi/v2') this.#serveTwo(request, responder)
    else if (path === root || path === `${root}/`) this.#serveIndex(responder)
    else if (path.startsWith(`${root}/`)) return this.#serveThree(path.slice(root.length + 1), request, responder)
    else return false
    return true
  }

  #serveTwo(request: ApiRequest, responder: Responder): void {
    const form = formOf(request.credentials.header('accept'))
    const served = [...this.#deps.resources.all()]
    const hash = this.#hashOf('v2', served)
    const document = () => documentTwo(served, this.#deps.gitVersion)
    const kept = this.#kept(`v2/${form}`, hash, () =>
      form === 'json' ? encoder.encode(JSON.stringify(document())) : encodeOpenApiTwo(document()),
    )
    const type = form === 'json' ? 'application/json' : protobufTwo
    this.#answer(request, responder, kept, { 'content-type': type, 'cache-control': 'no-cache, private', vary: 'Accept-Encoding, Accept' })
  }

  #serveIndex(responder: Responder): void {
    const paths: Record<string, { serverRelativeURL: string }> = {}
    for (const [path, served] of this.#byPath()) paths[path] = { serverRelativeURL: `${root}/${path}?hash=${this.#hashOf(path, served)}` }
    responder.respond(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' }, [
      encoder.encode(`${JSON.stringify({ paths })}\n`),
    ])
  }

  #serveThree(path: string, request: ApiRequest, responder: Responder): boolean {
    const served = this.#byPath().get(path)
    if (!served) return false
    formOf(request.credentials.header('accept'))
    const hash = this.#hashOf(path, served)
    const asked = request.query.get('hash')
    if (asked !== null && asked !== hash) {
      responder.respond(301, { location: `${root}/${path}?hash=${hash}`, 'cache-control': 'no-cache, private' }, [])
      return true
    }
    const kept = this.#kept(path, hash, () => encoder.encode(JSON.stringify(documentThree(served, this.#deps.gitVersion))))
    const caching = asked === hash ? 'public, immutable' : 'no-cache, private'
    const expires: Headers = asked === hash ? { expires: 'Fri, 31 Dec 9999 23:59:59 GMT' } : {}
    this.#answer(request, responder, kept, {
      'content-type': 'application/json',
      'cache-control': caching,
      vary: 'Accept-Encoding, Accept',
      ...expires,
    })
    return true
  }

  #answer(request: ApiRequest, responder: Responder, { hash, bytes }: Kept, headers: Headers): void {
    const tagged: Headers = { ...headers, etag: `"${hash}"` }
    if (request.credentials.header('if-none-match')?.includes(hash)) return responder.respond(304, tagged, [])
    const { compression } = this.#deps
    if (!compression) return responder.respond(200, tagged, [bytes])
    const takesGzip = /\bgzip\b/.test(request.credentials.header('accept-encoding') ?? '')
    if (takesGzip) responder.respond(200, { ...tagged, 'content-encoding': 'gzip' }, [bytes])
    else responder.respond(200, tagged, [compression.gunzip(bytes)])
  }

  #byPath(): Map<string, ServedResource[]> {
    const found = new Map<string, ServedResource[]>()
    for (const served of this.#deps.resources.all()) {
      const path = documentPath(served.info)
      const group = found.get(path)
      if (group) group.push(served)
      else found.set(path, [served])
    }
    return found
  }

  #hashOf(path: string, served: readonly ServedResource[]): string {
    const custom = served.map((each) => this.#hashOfOne(each)).filter(Boolean)
    return fingerprint([this.#deps.gitVersion, path, ...custom].join('\n')).toUpperCase()
  }

  /** Built-in resources change with the program alone. */
  #hashOfOne(served: ServedResource): string {
    if (!served.schema) return ''
    let hash = this.#hashes.get(served)
    if (hash === undefined) {
      const { group, version, resource, kind, listKind, subresources } = served.info
      hash = fingerprint(JSON.stringify([group, version, resource, kind, listKind, [...subresources.keys()], served.schema]))
      this.#hashes.set(served, hash)
    }
    return hash
  }

  #kept(key: string, hash: string, make: () => Uint8Array): Kept {
    const known = this.#documents.get(key)
    if (known?.hash === hash) return known
    const bytes = make()
    const made = { hash, bytes: this.#deps.compression?.gzip(bytes) ?? bytes }
    this.#documents.set(key, made)
    return made
  }

  /** Documents of group-versions that are gone, and what covers everything. */
  #forgetStale(): void {
    if (this.#documents.size === 0) return
    const paths = this.#byPath()
    for (const key of [...this.#documents.keys()]) if (!paths.has(key)) this.#documents.delete(key)
  }
}

function formOf(accept: string | undefined): 'json' | 'protobuf' {
  if (!accept) return 'json'
  for (const clause of accept.split(',')) {
    const form = mediaTypesTwo[clause.split(';')[0]?.trim() ?? '']
    if (form) return form
  }
  throw notAcceptable(`only the following media types are accepted: application/json, ${protobufTwo}`)
}
