/** The client over any transport: paths and JSON, nothing else. */
import { apiVersionOf, type GroupVersionResource, type KubeObject } from '../api/object.js'
import { StatusError } from '../api/status.js'
import type { Status } from '../api/types/meta-v1.js'
import {
  type Client,
  ConnectionError,
  type DeleteOptions,
  type ListOptions,
  type ListResult,
  type Patch,
  type ResourceClient,
  type Transport,
  type TransportRequest,
  type TransportResponse,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from './client.js'
import { splitLines } from './lines.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function restClient(transport: Transport, options: { userAgent?: string } = {}): Client {
  const userAgent = options.userAgent ?? 'quorate'
  return {
    resource: <T extends KubeObject>(of: GroupVersionResource, { metadataOnly = false } = {}): ResourceClient<T> =>
      new RestResource<T>(transport, of, userAgent, metadataOnly),
    raw: (request) => transport.request({ ...request, headers: { 'user-agent': userAgent, ...request.headers } }),
    withUserAgent: (name) => restClient(transport, { userAgent: name }),
    close: () => transport.close(),
  }
}

const json = 'application/json'
const metadataJson = (as: string) => `${json};as=${as};g=meta.k8s.io;v=v1,${json}`

const patchTypes: Readonly<Record<Patch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

class RestResource<T extends KubeObject> implements ResourceClient<T> {
  readonly #transport: Transport
  readonly #base: string
  readonly #userAgent: string
  /** What to accept in answer to a list, and to anything else. */
  readonly #accept: { readonly list: string; readonly object: string }

  constructor(
    transport: Transport,
    readonly of: GroupVersionResource,
    userAgent: string,
    metadataOnly: boolean,
  ) {
    this.#accept = metadataOnly
      ? { list: metadataJson('PartialObjectMetadataList'), object: metadataJson('PartialObjectMetadata') }
      : { list: json, object: json }
    this.#transport = transport
    this.#userAgent = userAgent
    this.#base = of.group === '' ? `/api/${of.version}` : `/apis/${apiVersionOf(of)}`
  }

  get(namespace: string, name: string, options: { resourceVersion?: string; signal?: AbortSignal } = {}): Promise<T> {
    return this.#send<T>('GET', this.#path(namespace, name), { resourceVersion: options.resourceVersion }, undefined, options.signal)
  }

  async list(options: ListOptions = {}): Promise<ListResult<T>> {
    const { signal, namespace, ...query } = options
    const request = this.#request('GET', this.#path(namespace ?? ''), query, undefined, signal)
    const list = parseResponse<{
      items: T[] | null
      metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number }
    }>(await this.#transport.request({ ...request, headers: { ...request.headers, accept: this.#accept.list } }))
    const { resourceVersion = '', continue: next, remainingItemCount } = list.metadata
    return {
      items: list.items ?? [],
      resourceVersion,
      ...(next ? { continue: next } : {}),
      ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
    }
  }

  async *watch(options: WatchOptions): AsyncIterable<WatchEvent<T>> {
    for await (const events of this.watchBatches(options)) yield* events
  }

  async *watchBatches(options: WatchOptions): AsyncIterable<readonly WatchEvent<T>[]> {
    const { signal, namespace, ...query } = options
    const request = this.#request('GET', this.#path(namespace ?? ''), { ...query, watch: true }, undefined, signal)
    const { status, body } = await this.#transport.stream(request)
    if (status !== 200) {
      const chunks: Uint8Array[] = []
      for await (const chunk of body) chunks.push(chunk)
      throw statusErrorOf(status, chunks.map((chunk) => decoder.decode(chunk)).join(''))
    }
    for await (const lines of splitLines(body)) {
      const events: WatchEvent<T>[] = []
      for (const line of lines) {
        const event = JSON.parse(line) as { type: string; object: T }
        if (event.type === 'ERROR') {
          if (events.length > 0) yield events
          throw new StatusError(event.object as Status)
        }
        events.push(event as WatchEvent<T>)
      }
      yield events
    }
  }

  create(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#send<T>('POST', this.#path(object.metadata.namespace ?? ''), writeQuery(options), object, options.signal)
  }

  update(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#send<T>('PUT', this.#pathOf(object), writeQuery(options), object, options.signal)
  }

  updateStatus(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#send<T>('PUT', `${this.#pathOf(object)}/status`, writeQuery(options), object, options.signal)
  }

  patch(namespace: string, name: string, patch: Patch, options: WriteOptions & { subresource?: string } = {}): Promise<T> {
    const path = this.#path(namespace, name) + (options.subresource ? `/${options.subresource}` : '')
    const query = { ...writeQuery(options), ...(patch.type === 'apply' && patch.force ? { force: true } : {}) }
    return this.#send<T>('PATCH', path, query, patch.body, options.signal, patchTypes[patch.type])
  }

  async delete(namespace: string, name: string, options: DeleteOptions = {}): Promise<void> {
    await this.#send('DELETE', this.#path(namespace, name), {}, deleteBody(options))
  }

  async deleteCollection(options: ListOptions, deletion: DeleteOptions = {}): Promise<void> {
    const { signal, namespace, ...query } = options
    await this.#send('DELETE', this.#path(namespace ?? ''), query, deleteBody(deletion), signal)
  }

  createSubresource<B, R>(namespace: string, name: string, subresource: string, body: B, options: WriteOptions = {}): Promise<R> {
    return this.#send<R>('POST', `${this.#path(namespace, name)}/${subresource}`, writeQuery(options), body, options.signal)
  }

  #pathOf({ metadata }: KubeObject): string {
    return this.#path(metadata.namespace ?? '', metadata.name)
  }

  #path(namespace: string, name?: string): string {
    const where = namespace
      ? `${this.#base}/namespaces/${encodeURIComponent(namespace)}/${this.of.resource}`
      : `${this.#base}/${this.of.resource}`
    return name === undefined ? where : `${where}/${encodeURIComponent(name)}`
  }

  #request(
    method: TransportRequest['method'],
    path: string,
    query: Query,
    body: unknown,
    signal?: AbortSignal,
    type = json,
  ): TransportRequest {
    const headers: Record<string, string> = { accept: this.#accept.object, 'user-agent': this.#userAgent }
    if (body !== undefined) headers['content-type'] = type
    return {
      method,
      path: path + queryText(query),
      headers,
      ...(body === undefined ? {} : { body: encoder.encode(JSON.stringify(body)) }),
      ...(signal ? { signal } : {}),
    }
  }

  async #send<R>(
    method: TransportRequest['method'],
    path: string,
    query: Query,
    body?: unknown,
    signal?: AbortSignal,
    type?: string,
  ): Promise<R> {
    const response = await this.#transport.request(this.#request(method, path, query, body, signal, type))
    return parseResponse<R>(response)
  }
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>

/** The object of a successful response; else throws the StatusError that the server sent (or one made of what it sent). */
export function parseResponse<R>({ status, body }: TransportResponse): R {
  const text = decoder.decode(body)
  if (status < 200 || status > 299) throw statusErrorOf(status, text)
  return JSON.parse(text) as R
}

/** What a code means when no Status says it (client-go's generic server response). */
const reasonsByCode: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

function statusErrorOf(code: number, text: string): Error {
  try {
    const status = JSON.parse(text) as Status
    if (status.kind === 'Status') return new StatusError(status)
  } catch {
    // Not from an API server: a proxy's page, a cut answer.
  }
  if (code === 0) return new ConnectionError(text)
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    code,
    reason: reasonsByCode[code] ?? '',
    message: `the server answered ${code}: ${text.slice(0, 200)}`,
  })
}

function writeQuery({ dryRun, fieldManager, fieldValidation }: WriteOptions): Query {
  return { dryRun: dryRun ? 'All' : undefined, fieldManager, fieldValidation }
}

function deleteBody({ dryRun, ...options }: DeleteOptions): unknown {
  return { kind: 'DeleteOptions', apiVersion: 'v1', ...options, ...(dryRun ? { dryRun: ['All'] } : {}) }
}

function queryText(query: Query): string {
  let text = ''
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue
    text += `${text === '' ? '?' : '&'}${key}=${encodeURIComponent(String(value))}`
  }
  return text
}
