/** The server's own metrics, by CoreDNS's names. One set a process: a reload goes on counting. */
import type { Counter, Histogram, Metrics } from '../base/metrics.js'

/** 0.25 ms, doubling. */
const durationBuckets = Array.from({ length: 16 }, (_, at) => 0.00025 * 2 ** at)
const sizeBuckets = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3]

export interface DnsMetrics {
  readonly requests: Counter
  readonly requestDuration: Histogram
  readonly requestSize: Histogram
  readonly doRequests: Counter
  readonly responseSize: Histogram
  readonly responses: Counter
  readonly panics: Counter
  readonly pluginEnabled: Counter
  readonly cacheEntries: Counter
  readonly cacheHits: Counter
  readonly cacheMisses: Counter
  readonly cacheRequests: Counter
  readonly cachePrefetch: Counter
  readonly cacheDrops: Counter
  readonly cacheServedStale: Counter
  readonly cacheEvictions: Counter
  readonly forwardRejects: Counter
  readonly forwardHealthcheckBroken: Counter
  readonly proxyDuration: Histogram
  readonly proxyHealthcheckFailures: Counter
  readonly hostsEntries: Counter
  readonly hostsReload: Counter
  readonly reloadFailed: Counter
  readonly reloadVersion: Counter
  readonly templateMatches: Counter
  readonly programmingDuration: Histogram
  readonly healthDuration: Histogram
  readonly healthFailures: Counter
}

export function dnsMetrics(registry: Metrics, version: string): DnsMetrics {
  const server = ['server', 'zone', 'view']
  const cached = ['server', 'zones', 'view']
  const counter = (name: string, help: string, labels: readonly string[] = []) => {
    const made = registry.counter(`coredns_${name}`, help, labels)
    // One without labels is there from the beginning.
    if (labels.length === 0) made.inc([], 0)
    return made
  }
  const gauge = (name: string, help: string, labels: readonly string[] = []) => registry.gauge(`coredns_${name}`, help, labels)
  const histogram = (name: string, help: string, labels: readonly string[], buckets: readonly number[]) =>
    registry.histogram(`coredns_${name}`, help, labels, buckets)
  gauge('build_info', 'What was built: always 1.', ['version', 'revision', 'goversion']).set([version, '', ''], 1)
  return {
    requests: counter('dns_requests_total', 'DNS requests by zone, protocol, family and type.', [...server, 'proto', 'family', 'type']),
    requestDuration: histogram('dns_request_duration_seconds', 'Time that each request took.', server, durationBuckets),
    requestSize: histogram('dns_request_size_bytes', 'Size of requests, by protocol.', [...server, 'proto'], sizeBuckets),
    doRequests: counter('dns_do_requests_total', 'Requests with the DO bit set.', server),
    responseSize: histogram('dns_response_size_bytes', 'Size of responses, by protocol.', [...server, 'proto'], sizeBuckets),
    responses: counter('dns_responses_total', 'Responses by zone, code and the plugin that answered.', [...server, 'rcode', 'plugin']),
    panics: counter('panics_total', 'Faults of the server itself while it answered.'),
    pluginEnabled: gauge('plugin_enabled', 'Whether a plugin is enabled, by server and zone.', [...server, 'name']),
    cacheEntries: gauge('cache_entries', 'Elements in the cache.', ['server', 'type', 'zones', 'view']),
    cacheHits: counter('cache_hits_total', 'Cache hits.', ['server', 'type', 'zones', 'view']),
    cacheMisses: counter('cache_misses_total', 'Cache misses.', cached),
    cacheRequests: counter('cache_requests_total', 'Requests that came to the cache.', cached),
    cachePrefetch: counter('cache_prefetch_total', 'Times that a popular entry was fetched before its end.', cached),
    cacheDrops: counter('cache_drops_total', 'Responses that were not kept, since they answer another question.', cached),
    cacheServedStale: counter('cache_served_stale_total', 'Requests answered from entries past their end.', cached),
    cacheEvictions: counter('cache_evictions_total', 'Entries that made room for others.', ['server', 'type', 'zones', 'view']),
    forwardRejects: counter('forward_max_concurrent_rejects_total', 'Queries refused since too many were under way.'),
    forwardHealthcheckBroken: counter('forward_healthcheck_broken_total', 'Times that every upstream was unhealthy.'),
    proxyDuration: histogram(
      'proxy_request_duration_seconds',
      'Time that each upstream request took.',
      ['proxy_name', 'to', 'rcode'],
      durationBuckets,
    ),
    proxyHealthcheckFailures: counter('proxy_healthcheck_failures_total', 'Health checks that failed.', ['proxy_name', 'to']),
    hostsEntries: gauge('hosts_entries', 'Entries of hosts files and of the Corefile.'),
    hostsReload: gauge('hosts_reload_timestamp_seconds', 'When the hosts file was last read.'),
    reloadFailed: counter('reload_failed_total', 'Reloads that failed.'),
    reloadVersion: gauge('reload_version_info', 'The hash of the running configuration.', ['hash', 'value']),
    templateMatches: counter('template_matches_total', 'Queries that a template answered.', [...server, 'class', 'type']),
    programmingDuration: histogram(
      'kubernetes_dns_programming_duration_seconds',
      'Time from the change of a pod or service to its records.',
      ['service_kind'],
      Array.from({ length: 20 }, (_, at) => 0.001 * 2 ** at),
    ),
    healthDuration: histogram('health_request_duration_seconds', 'Time of the check of the own health endpoint.', [], durationBuckets),
    healthFailures: counter('health_request_failures_total', 'Own health checks that failed.'),
  }
}
