/** kube-proxy's metrics by upstream's names. */
import type { IpFamily } from '../api/ip.js'
import type { Metrics } from '../base/metrics.js'

const exponential = Array.from({ length: 15 }, (_, at) => 0.001 * 2 ** at)
const linear = (start: number, width: number, count: number) => Array.from({ length: count }, (_, at) => start + width * at)
/** Seconds between a change of an endpoint and packets that follow it. */
const programming = [0, ...linear(0.25, 0.25, 2), ...linear(1, 1, 59), ...linear(60, 5, 12), ...linear(120, 30, 7)]

export type ProxyMetrics = ReturnType<typeof proxyMetrics>

export function proxyMetrics(metrics: Metrics, families: readonly IpFamily[]) {
  const family = ['ip_family']
  const sync = 'kubeproxy_sync_proxy_rules'
  const all = {
    syncs: metrics.histogram(`${sync}_duration_seconds`, 'How long syncs of the rules took.', family, exponential),
    fullSyncs: metrics.histogram('kubeproxy_sync_full_proxy_rules_duration_seconds', 'How long full syncs took.', family, exponential),
    partialSyncs: metrics.histogram(
      'kubeproxy_sync_partial_proxy_rules_duration_seconds',
      'How long syncs of differences took.',
      family,
      exponential,
    ),
    lastSync: metrics.gauge(`${sync}_last_timestamp_seconds`, 'When the rules were last written with success.', family),
    lastQueued: metrics.gauge(`${sync}_last_queued_timestamp_seconds`, 'When a sync was last asked for.', family),
    programming: metrics.histogram(
      'kubeproxy_network_programming_duration_seconds',
      'From the change of an endpoint until packets follow it.',
      family,
      programming,
    ),
    endpointsPending: metrics.gauge(`${sync}_endpoint_changes_pending`, 'EndpointSlice changes that are not written yet.'),
    endpointsTotal: metrics.counter(`${sync}_endpoint_changes_total`, 'EndpointSlice changes seen.'),
    servicesPending: metrics.gauge(`${sync}_service_changes_pending`, 'Service changes that are not written yet.'),
    servicesTotal: metrics.counter(`${sync}_service_changes_total`, 'Service changes seen.'),
    syncFailures: metrics.counter(`${sync}_nftables_sync_failures_total`, 'Syncs that nft refused.', family),
    cleanupFailures: metrics.counter(`${sync}_nftables_cleanup_failures_total`, 'Cleanups that nft refused.', family),
    noLocalEndpoints: metrics.gauge(
      `${sync}_no_local_endpoints_total`,
      'Services with a Local traffic policy and no endpoint on this node.',
      [...family, 'traffic_policy'],
    ),
    conntrackSyncs: metrics.histogram(
      'kubeproxy_conntrack_reconciler_sync_duration_seconds',
      'How long looking for stale connections took.',
      family,
      exponential,
    ),
    conntrackDeleted: metrics.counter('kubeproxy_conntrack_reconciler_deleted_entries_total', 'Stale connections deleted.', family),
    healthz: metrics.counter('kubeproxy_proxy_healthz_total', 'Answers of /healthz by code.', ['code']),
    livez: metrics.counter('kubeproxy_proxy_livez_total', 'Answers of /livez by code.', ['code']),
  }
  for (const counter of [all.endpointsPending, all.endpointsTotal, all.servicesPending, all.servicesTotal]) counter.inc([], 0)
  for (const each of families) {
    for (const counter of [all.syncFailures, all.cleanupFailures, all.conntrackDeleted]) counter.inc([each], 0)
    for (const policy of ['internal', 'external']) all.noLocalEndpoints.set([each, policy], 0)
  }
  return all
}
