import type { GroupVersionResource, KubeObject } from '../api/object.js'

/**
 * The cluster as components see it. Two transports implement it: HTTPS (HTTP/2) and in-process.
 * Every refusal is a StatusError (api/status.ts); a lost connection is a ConnectionError.
 */
export interface Client {
  /**
   * Access to one resource. `T` is the caller's word for its type. `metadataOnly`: objects come without spec and status
   * (PartialObjectMetadata), which costs the wire and the reader less.
   */
  resource<T extends KubeObject>(of: GroupVersionResource, options?: { readonly metadataOnly?: boolean }): ResourceClient<T>
  /** A request outside the resource verbs (subresources such as pods/log, discovery, /healthz). */
  raw(request: TransportRequest): Promise<TransportResponse>
  /** A client that shares the connection and acts under another user agent / field manager. */
  withUserAgent(userAgent: string): Client
  close(): Promise<void>
}

export interface ResourceClient<T extends KubeObject> {
  readonly of: GroupVersionResource
  /** Throws StatusError NotFound. `namespace` is '' for cluster-scoped resources, everywhere in this interface. */
  get(namespace: string, name: string, options?: { resourceVersion?: string; signal?: AbortSignal }): Promise<T>
  list(options?: ListOptions): Promise<ListResult<T>>
  /** Events from `resourceVersion` on, until the server ends the watch, the signal aborts or the connection is lost (throws). */
  watch(options: WatchOptions): AsyncIterable<WatchEvent<T>>
  /** The same, events that arrived together in one batch: a busy watch costs no promise per event. */
  watchBatches(options: WatchOptions): AsyncIterable<readonly WatchEvent<T>[]>
  create(object: T, options?: WriteOptions): Promise<T>
  update(object: T, options?: WriteOptions): Promise<T>
  updateStatus(object: T, options?: WriteOptions): Promise<T>
  patch(namespace: string, name: string, patch: Patch, options?: WriteOptions & { subresource?: string }): Promise<T>
  delete(namespace: string, name: string, options?: DeleteOptions): Promise<void>
  deleteCollection(options: ListOptions, deletion?: DeleteOptions): Promise<void>
  /** Posts to a subresource (pods/binding, pods/eviction, serviceaccounts/token). */
  createSubresource<B, R>(namespace: string, name: string, subresource: string, body: B, options?: WriteOptions): Promise<R>
}

export interface ListOptions {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly limit?: number
  readonly continue?: string
  readonly resourceVersion?: string
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan'
  readonly signal?: AbortSignal
}

export interface WatchOptions extends Omit<ListOptions, 'limit' | 'continue'> {
  readonly allowWatchBookmarks?: boolean
  readonly sendInitialEvents?: boolean
  readonly timeoutSeconds?: number
}

export interface ListResult<T> {
  readonly items: T[]
  readonly resourceVersion: string
  readonly continue?: string
  readonly remainingItemCount?: number
}

/** ERROR events are thrown as StatusError by `watch`, never delivered. */
export type WatchEvent<T> = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T }

export interface WriteOptions {
  readonly dryRun?: boolean
  readonly fieldManager?: string
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict'
  readonly signal?: AbortSignal
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground'
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
  readonly dryRun?: boolean
}

export type Patch =
  | { readonly type: 'json'; readonly body: readonly unknown[] }
  | { readonly type: 'merge'; readonly body: unknown }
  | { readonly type: 'strategic'; readonly body: unknown }
  | { readonly type: 'apply'; readonly body: unknown; readonly force?: boolean }

/** The wire under a client: one per way of reaching an API server. */
export interface Transport {
  request(request: TransportRequest): Promise<TransportResponse>
  /** A response whose body is read as it comes (watch, logs -f). Ends when the server ends it; aborting the signal cancels it. */
  stream(request: TransportRequest): Promise<TransportStream>
  close(): Promise<void>
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path and query: "/api/v1/pods?limit=5". */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

export interface TransportResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface TransportStream {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: AsyncIterable<Uint8Array>
}

/** No answer: refused, reset, timed out. The request may have been carried out when it was a write. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}
