import { X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { expirations, residual } from '../../certs/expiration.js'
import { renew } from '../../certs/renew.js'
import { VirtualClock } from '../../../base/virtual-clock.js'
import type { KubeletService } from '../../service/kubelet-service.js'
import { loadInit } from '../../config/load.js'
import { nodeFiles } from '../../machine/node-files.js'
import { runPhases } from '../phase.js'
import { certsPhase } from './certs.js'
import { type InitContext, ownerOf } from './context.js'
import { controlPlanePhase, etcdPhase } from './control-plane.js'
import { kubeconfigPhase } from './kubeconfig.js'

const nowMs = Date.UTC(2026, 0, 1)
const facts = { hostname: 'cp-1', address: '192.168.50.11' }
const config = `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
controlPlaneEndpoint: api.example.internal:6443
encryptionAlgorithm: ECDSA-P256
networking: { podSubnet: 10.244.0.0/16 }
`
const phases = [certsPhase, kubeconfigPhase, etcdPhase, controlPlanePhase]
const offline = { clock: new VirtualClock(), hostname: 'cp-1', service: {} as KubeletService, ignoredErrors: [] }
const directories: string[] = []
afterAll(() => {
  for (const dir of directories) rmSync(dir, { recursive: true })
})

function context(text = config): InitContext & { root: string; lines: string[] } {
  const root = mkdtempSync(join(tmpdir(), 'quorate-adm-'))
  directories.push(root)
  const { init, cluster } = loadInit({ text, name: 'config.yaml' }, facts)
  const lines: string[] = []
  const version = { text: '3.6.8', major: 3, minor: 6, patch: 8 }
  return {
    init,
    cluster,
    ...offline,
    files: nodeFiles(root),
    nowMs,
    etcdVersion: () => version,
    client: () => Promise.reject(new Error('no API yet')),
    uploadCerts: false,
    say: (line) => lines.push(line),
    root,
    lines,
  }
}

const reference = (file: string) =>
  JSON.parse(readFileSync(join(process.env.QUORATE_REFERENCE ?? '', 'facts/kubeadm', file), 'utf8')) as Record<
    string,
    Record<string, string>
  >
const hasReference = existsSync(join(process.env.QUORATE_REFERENCE ?? '/nowhere', 'facts/kubeadm/certificates.json'))

describe('the files of a new control plane', () => {
  const made = context()
  beforeAll(() => runPhases(phases, made))
  const read = (path: string) => readFileSync(join(made.root, path), 'utf8')

  it('are certificates that only root may use: keys 0600, certificates 0644', () => {
    expect(statSync(join(made.root, 'etc/kubernetes/pki/ca.key')).mode & 0o777).toBe(0o600)
    expect(statSync(join(made.root, 'etc/kubernetes/pki/ca.crt')).mode & 0o777).toBe(0o644)
    expect(statSync(join(made.root, 'etc/kubernetes/admin.conf')).mode & 0o777).toBe(0o600)
  })

  it.skipIf(!hasReference)('have subjects, issuers, usages and names as kubeadm’s (needs $QUORATE_REFERENCE)', () => {
    for (const [path, expected] of Object.entries(reference('certificates.json'))) {
      const certificate = new X509Certificate(read(path))
      const name = (text: string) => text.split('\n').join(', ').replaceAll('=', ' = ')
      expect({ path, subject: name(certificate.subject), issuer: name(certificate.issuer) }).toEqual({
        path,
        subject: expected.subject,
        issuer: expected.issuer,
      })
      const names = (text: string | null | undefined) => (text ?? '').split(', ').filter(Boolean).toSorted()
      expect(names(certificate.subjectAltName), path).toEqual(names(expected.san))
      const days = (Date.parse(certificate.validTo) - nowMs) / 86_400_000
      expect(Math.round(days), path).toBe(Number(expected.days))
    }
  })

  it.skipIf(!hasReference)('are kubeconfigs of kubeadm’s users, contexts and servers (needs $QUORATE_REFERENCE)', () => {
    for (const [path, expected] of Object.entries(reference('kubeconfigs.json'))) {
      const file = parse(read(path)) as {
        clusters: [{ name: string; cluster: { server: string } }]
        users: [{ name: string; user: { 'client-certificate-data': string } }]
        'current-context': string
      }
      const client = new X509Certificate(Buffer.from(file.users[0].user['client-certificate-data'], 'base64'))
      expect({
        cluster: file.clusters[0].name,
        server: file.clusters[0].cluster.server,
        context: file['current-context'],
        user: file.users[0].name,
        client: `subject=${client.subject.split('\n').join(', ').replaceAll('=', ' = ')}`,
      }).toEqual(expected)
    }
  })

  it('are made once: what is there and good is kept', async () => {
    const before = read('etc/kubernetes/pki/apiserver.crt')
    made.lines.length = 0
    await runPhases(phases, made)
    expect(read('etc/kubernetes/pki/apiserver.crt')).toBe(before)
    expect(made.lines).toContain('[certs] Using existing apiserver certificate and key on disk')
    expect(made.lines).toContain('[kubeconfig] Using existing kubeconfig file: "admin.conf"')
  })

  it('run out a year later, their authorities ten', () => {
    const { leaves, authorities } = expirations(made.files, made.cluster, nowMs)
    expect(leaves.map(({ name }) => name)).toEqual([
      ...[
        'admin.conf',
        'apiserver',
        'apiserver-etcd-client',
        'apiserver-kubelet-client',
        'controller-manager.conf',
        'etcd-healthcheck-client',
      ],
      ...['etcd-peer', 'etcd-server', 'front-proxy-client', 'scheduler.conf', 'super-admin.conf'],
    ])
    for (const { expiresAtMs = 0 } of leaves) expect(residual(expiresAtMs, nowMs)).toBe('365d')
    for (const { expiresAtMs = 0 } of authorities) expect(residual(expiresAtMs, nowMs)).toBe('10y')
  })

  it('are renewed under the same names and authority', async () => {
    const before = new X509Certificate(read('etc/kubernetes/pki/apiserver.crt'))
    const later = nowMs + 200 * 86_400_000
    expect(await renew('apiserver', { ...ownerOf(made), nowMs: later }, made.files)).toBe(true)
    expect(await renew('admin.conf', { ...ownerOf(made), nowMs: later }, made.files)).toBe(true)
    const after = new X509Certificate(read('etc/kubernetes/pki/apiserver.crt'))
    expect(after.subjectAltName).toBe(before.subjectAltName)
    expect(after.checkIssued(new X509Certificate(read('etc/kubernetes/pki/ca.crt')))).toBe(true)
    expect(Date.parse(after.validTo) - Date.parse(before.validTo)).toBe(200 * 86_400_000)
    await expect(renew('nothing', { ...ownerOf(made), nowMs }, made.files)).rejects.toMatchObject({ code: 'BadUsage' })
  })
})

describe('files that are there already', () => {
  it('are refused when the certificate lacks a name that it needs', async () => {
    const first = context()
    await runPhases([certsPhase], first)
    const moved = { ...first, init: { ...first.init, localAPIEndpoint: { advertiseAddress: '192.168.50.99', bindPort: 6443 } } }
    await expect(runPhases([certsPhase], moved)).rejects.toThrow(/apiserver\.crt is not valid for 192\.168\.50\.99/)
  })

  it('are refused when another authority has signed them', async () => {
    const [own, stranger] = [context(), context()]
    await runPhases([certsPhase], own)
    await runPhases([certsPhase], stranger)
    for (const file of ['ca.crt', 'ca.key'])
      writeFileSync(join(own.root, 'etc/kubernetes/pki', file), readFileSync(join(stranger.root, 'etc/kubernetes/pki', file)))
    await expect(runPhases([certsPhase], own)).rejects.toThrow(/apiserver\.crt is not signed by/)
  })

  it('make an external authority when its key is elsewhere: nothing is signed, everything must be there', async () => {
    const external = context()
    await runPhases([certsPhase], external)
    rmSync(join(external.root, 'etc/kubernetes/pki/ca.key'))
    await runPhases([certsPhase], external)
    rmSync(join(external.root, 'etc/kubernetes/pki/apiserver.crt'))
    await expect(runPhases([certsPhase], external)).rejects.toMatchObject({ code: 'CertificateMissing' })
  })

  it('are refused when a kubeconfig is of another cluster', async () => {
    const made = context()
    await runPhases([certsPhase, kubeconfigPhase], made)
    const other = { ...made, cluster: { ...made.cluster, controlPlaneEndpoint: 'other.example:6443' } }
    await expect(runPhases([kubeconfigPhase], other)).rejects.toThrow(/admin\.conf exists already but has the API server URL/)
  })
})

describe('phases', () => {
  it('can be left out, and a name that is none is refused with the names that there are', async () => {
    const made = context()
    await runPhases(phases, made, ['kubeconfig', 'certs/sa', 'etcd', 'control-plane/scheduler'])
    expect(existsSync(join(made.root, 'etc/kubernetes/admin.conf'))).toBe(false)
    expect(existsSync(join(made.root, 'etc/kubernetes/pki/sa.key'))).toBe(false)
    expect(existsSync(join(made.root, 'etc/kubernetes/manifests/kube-scheduler.yaml'))).toBe(false)
    expect(existsSync(join(made.root, 'etc/kubernetes/manifests/kube-apiserver.yaml'))).toBe(true)
    await expect(runPhases(phases, made, ['cert'])).rejects.toMatchObject({ remedy: expect.stringContaining('certs/apiserver') })
  })

  it('make no certificates of etcd when it is external', async () => {
    const external = `${config}
etcd: { external: { endpoints: ['https://10.0.0.1:2379'], caFile: /etc/etcd/ca.crt, certFile: /etc/etcd/c.crt, keyFile: /etc/etcd/c.key } }`
    const made = context(external)
    await runPhases(phases, made)
    expect(existsSync(join(made.root, 'etc/kubernetes/pki/etcd'))).toBe(false)
    expect(existsSync(join(made.root, 'etc/kubernetes/manifests/etcd.yaml'))).toBe(false)
    expect(readFileSync(join(made.root, 'etc/kubernetes/manifests/kube-apiserver.yaml'), 'utf8')).toContain(
      '--etcd-cafile=/etc/etcd/ca.crt',
    )
  })
})
