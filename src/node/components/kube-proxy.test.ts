import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { silentLogger } from '../../base/logger.js'
import { Metrics } from '../../base/metrics.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { ProxyHealth } from '../../proxy/health/proxy-health.js'
import { kubeProxyManifests } from '../../proxy/manifests.js'
import { proxyMetrics } from '../../proxy/proxy-metrics.js'
import definitions from '../flags/data/kube-proxy.json' with { type: 'json' }
import { type FlagDefinition, parseFlags } from '../flags/flags.js'
import type { HostedDeps } from './component.js'
import { kubeProxy } from './kube-proxy.js'
import { kubeProxyConfig } from './kube-proxy-config.js'
import { healthPages, metricPages } from './kube-proxy-pages.js'

describe('quorate kube-proxy', () => {
  let dir: string
  let deps: HostedDeps
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'quorate-proxy-'))
    deps = { clock: new VirtualClock(), random: seededRandom(1), logger: silentLogger, resolvePath: (path) => join(dir, path) }
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  const write = (document: object) => {
    const head = { apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration' }
    writeFileSync(join(dir, 'config.conf'), stringify({ ...head, ...document }))
  }
  const config = (...argv: string[]) => {
    const names = (definitions as readonly FlagDefinition[]).map(({ name }) => name)
    const table = { component: 'kube-proxy', definitions: definitions as readonly FlagDefinition[], implemented: new Set(names) }
    return kubeProxyConfig(parseFlags(table, argv), deps)
  }
  const ofFile = (document: object, ...argv: string[]) => {
    write(document)
    return config('--config=/config.conf', ...argv)
  }
  const withoutDocument = ({ document: _document, ...rest }: ReturnType<typeof config>) => rest

  it("has upstream's defaults of the mode nftables, by flags and by an empty file alike", () => {
    const standard = {
      ...{ kubeconfig: '', hostnameOverride: '', bindAddressHardFail: false, minSyncMs: 1_000, syncMs: 30_000 },
      ...{ healthzBindAddress: '0.0.0.0:10256', metricsBindAddress: '127.0.0.1:10249' },
      rules: {
        masqueradeBit: 14,
        masqueradeAll: false,
        detectLocal: { mode: 'ClusterCIDR', ranges: [] },
        nodePortAddresses: 'primary',
        bindAddress: '0.0.0.0',
      },
      conntrack: {
        ...{ maxPerCore: 32_768, min: 131_072, tcpEstablishedMs: 86_400_000, tcpCloseWaitMs: 3_600_000, tcpBeLiberal: false },
        ...{ udpMs: 0, udpStreamMs: 0 },
      },
    }
    expect(withoutDocument(config())).toEqual(standard)
    expect(withoutDocument(ofFile({}))).toEqual(standard)
  })

  it("takes kubeadm's ConfigMap as it is", () => {
    const map = kubeProxyManifests({ image: 'i', server: 'https://api:6443', clusterCidr: '10.244.0.0/16,fd00::/48' })[4]
    writeFileSync(join(dir, 'config.conf'), map.data?.['config.conf'] ?? '')
    const { kubeconfig, rules, hostnameOverride } = config('--config=/config.conf', '--hostname-override=node-1')
    expect({ kubeconfig, hostnameOverride }).toEqual({ kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf', hostnameOverride: 'node-1' })
    expect(rules.detectLocal).toEqual({ mode: 'ClusterCIDR', ranges: ['10.244.0.0/16', 'fd00::/48'] })
  })

  it('takes the file before all flags but --hostname-override, as upstream does', () => {
    const made = ofFile({ clusterCIDR: '10.1.0.0/16' }, '--cluster-cidr=10.2.0.0/16', '--masquerade-all', '--hostname-override=me')
    expect(made.rules).toMatchObject({ masqueradeAll: false, detectLocal: { ranges: ['10.1.0.0/16'] } })
    expect(made.hostnameOverride).toBe('me')
  })

  it('knows every way of telling pods from others, and the addresses of node ports', () => {
    const detect = (document: object) => ofFile(document).rules.detectLocal
    expect(detect({ detectLocalMode: 'NodeCIDR' })).toEqual({ mode: 'NodeCIDR' })
    expect(detect({ detectLocalMode: 'BridgeInterface', detectLocal: { bridgeInterface: 'cni0' } })).toMatchObject({ bridge: 'cni0' })
    expect(config('--detect-local-mode=InterfaceNamePrefix', '--pod-interface-name-prefix=veth').rules.detectLocal).toMatchObject({
      interfacePrefix: 'veth',
    })
    expect(config('--nodeport-addresses=10.0.0.0/8,fd00::/8').rules.nodePortAddresses).toEqual(['10.0.0.0/8', 'fd00::/8'])
    expect(ofFile({ nodePortAddresses: ['primary'] }).rules.nodePortAddresses).toBe('primary')
  })

  it('goes on over a field that it does not know (lenient decoding of v1alpha1)', () => {
    const warnings: unknown[] = []
    const logger = { ...silentLogger, warn: (_message: string, fields?: object) => void warnings.push(fields) }
    write({ clusterCIDR: '10.1.0.0/16', ofTheFuture: true })
    const table = { component: 'kube-proxy', definitions: definitions as readonly FlagDefinition[], implemented: new Set(['config']) }
    kubeProxyConfig(parseFlags(table, ['--config=/config.conf']), { ...deps, logger })
    expect(warnings).toEqual([{ fields: 'ofTheFuture' }])
  })

  it('says by path what is wrong with a configuration', () => {
    const fault = (document: object) => expect(() => ofFile(document))
    fault({ clusterCIDR: '10.244.0.0' }).toThrow('KubeProxyConfiguration.clusterCIDR: Invalid value: "10.244.0.0"')
    fault({ mode: 'iptables' }).toThrow('the proxy mode "iptables" is known to kube-proxy but not implemented')
    fault({ nodePortAddresses: ['primary', '10.0.0.0/8'] }).toThrow('KubeProxyConfiguration.nodePortAddresses')
    fault({ detectLocalMode: 'BridgeInterface' }).toThrow('KubeProxyConfiguration.detectLocal.bridgeInterface')
    fault({ detectLocalMode: 'BridgeInterface', detectLocal: { bridgeInterface: 'x" accept' } }).toThrow('bridgeInterface')
    fault({ nftables: { minSyncPeriod: '1m', syncPeriod: '30s' } }).toThrow('KubeProxyConfiguration.nftables.syncPeriod')
    fault({ nftables: { masqueradeBit: 32 } }).toThrow('KubeProxyConfiguration.nftables.masqueradeBit')
    fault({ healthzBindAddress: 'localhost' }).toThrow('KubeProxyConfiguration.healthzBindAddress')
    fault({ bindAddress: 'eth0' }).toThrow('KubeProxyConfiguration.bindAddress')
    fault({ kind: 'KubeletConfiguration' }).toThrow('no KubeProxyConfiguration')
    expect(() => config('--config=/absent.conf')).toThrow('/absent.conf')
  })

  it('ends over a kubeconfig that is not there, with its path', async () => {
    write({ clientConnection: { kubeconfig: '/absent/kubeconfig.conf' } })
    const component = kubeProxy.start(['--config=/config.conf'], deps)
    await expect(component.ready).rejects.toThrow('/absent/kubeconfig.conf')
    await expect(component.done).rejects.toThrow('/absent/kubeconfig.conf')
  })

  it('refuses flags that it does not implement by name, and needs a kubeconfig', () => {
    expect(() => kubeProxy.start(['--ipvs-scheduler=rr'], deps)).toThrow(
      'the flag --ipvs-scheduler is known to kube-proxy but not implemented',
    )
    expect(() => kubeProxy.start(['--no-such-flag'], deps)).toThrow('unknown flag')
    expect(() => kubeProxy.start([], deps)).toThrow('neither --kubeconfig nor clientConnection.kubeconfig')
    expect(kubeProxy.help()).toContain('--cluster-cidr')
  })

  it('answers for its health: late work is unhealthy, a node that goes is left by load balancers only (KEP-3836)', async () => {
    const clock = new VirtualClock()
    const health = new ProxyHealth(clock, 60_000)
    const metrics = new Metrics()
    const pages = healthPages(health, proxyMetrics(metrics, ['IPv4']))
    const ask = (path: string) => pages(path)?.status
    expect([ask('/healthz'), ask('/livez'), ask('/other')]).toEqual([200, 200, undefined])
    health.syncNode({ metadata: { name: 'n' }, spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] } })
    expect([ask('/healthz'), ask('/livez')]).toEqual([503, 200])
    expect(JSON.parse(pages('/healthz')?.text ?? '')).toMatchObject({ nodeEligible: false })
    health.syncNode({ metadata: { name: 'n' } })
    health.queued()
    await clock.advance(59_999)
    expect(ask('/livez')).toBe(200)
    await clock.advance(1)
    expect([ask('/healthz'), ask('/livez')]).toEqual([503, 503])
    health.updated()
    expect(ask('/livez')).toBe(200)
    expect(metrics.text()).toContain('kubeproxy_proxy_healthz_total{code="503"} 3')
  })

  it('says its mode, its configuration and its metrics to its own machine', () => {
    const pages = metricPages(new Metrics(), ofFile({ clusterCIDR: '10.1.0.0/16' }))
    expect(pages('/proxyMode')).toMatchObject({ status: 200, text: 'nftables' })
    expect(JSON.parse(pages('/configz')?.text ?? '')).toMatchObject({ 'kubeproxy.config.k8s.io': { clusterCIDR: '10.1.0.0/16' } })
    expect(pages('/metrics')?.status).toBe(200)
  })
})
