import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { type FlagDefinition, parseFlags } from '../flags/flags.js'
import definitions from '../flags/data/kubelet.json' with { type: 'json' }
import { readKubeletConfig } from './kubelet-config.js'
import { taintOf } from './kubelet-configuration/kubelet-configuration.js'
import { kubelet } from './kubelet.js'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubelet-config-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const all = definitions as readonly FlagDefinition[]
const table = { component: 'kubelet', definitions: all, implemented: new Set(all.map(({ name }) => name)) }
const deps = { clock: new VirtualClock(), random: seededRandom(1), logger: silentLogger, resolvePath: (path: string) => path }

function read(text: string, ...argv: string[]) {
  const file = join(dir, 'config.yaml')
  writeFileSync(file, `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n${text}`)
  return readKubeletConfig(parseFlags(table, [`--config=${file}`, ...argv]), deps)
}

test('a field of the file stands for its flag, and the flag that was given wins', () => {
  expect(read('port: 10260\n')).toMatchObject({ port: 10_260, healthzPort: 10_248, maxPods: 110, authorizationMode: 'Webhook' })
  expect(read('port: 10260\n', '--port=10270').port).toBe(10_270)
})

test("kubeadm's document: authorities and modes; a duration of zero is the default", () => {
  const text = `authentication: {anonymous: {enabled: false}, webhook: {enabled: true, cacheTTL: 0s}, x509: {clientCAFile: /pki/ca.crt}}
authorization: {mode: Webhook}
fileCheckFrequency: 0s
staticPodPath: /etc/kubernetes/manifests
`
  expect(read(text)).toMatchObject({
    ...{ anonymous: false, webhookAuthentication: true, clientCaFile: '/pki/ca.crt', authorizationMode: 'Webhook' },
    ...{ authenticationTtlMs: 120_000, fileCheckMs: 20_000, staticPodPath: '/etc/kubernetes/manifests' },
  })
})

test('a file that is no KubeletConfiguration is refused with its name', () => {
  expect(() => read('kind: Pod\n')).toThrow(/config\.yaml/)
})

test('what no kubelet knows is refused with its path, and so is what it could not work with', () => {
  expect(() => read('authentication: {anonymous: {enable: true}}\nportt: 1\n')).toThrow(
    /strict decoding error: unknown field "portt", unknown field "authentication.anonymous.enable"/,
  )
  expect(() => read('maxPods: many\n')).toThrow('maxPods: must be a number')
  expect(() => read('imageGCLowThresholdPercent: 90\n')).toThrow('must be less than imageGCHighThresholdPercent')
  expect(() => read('evictionSoft: {memory.available: 1Gi}\n')).toThrow('grace period must be specified for the soft eviction threshold')
})

test('drop-ins go over the file in the order of their names, flags over both (KEP-3983)', () => {
  const directory = join(dir, 'conf.d')
  mkdirSync(directory)
  const head = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n'
  writeFileSync(join(directory, '20-b.conf'), `${head}maxPods: 20\nkubeReserved: {memory: 1Gi}\n`)
  writeFileSync(join(directory, '10-a.conf'), `${head}maxPods: 10\nclusterDNS: [10.0.0.1]\n`)
  writeFileSync(join(directory, 'ignored.yaml'), 'no: configuration')
  const { configuration } = read('maxPods: 5\nclusterDNS: [10.0.0.9]\nkubeReserved: {cpu: 100m}\n', `--config-dir=${directory}`)
  expect(configuration).toMatchObject({ maxPods: 20, clusterDNS: ['10.0.0.1'], kubeReserved: { cpu: '100m', memory: '1Gi' } })
  expect(read('maxPods: 5\n', `--config-dir=${directory}`, '--max-pods=7').maxPods).toBe(7)
  expect(read('', '--eviction-hard=memory.available<1Gi,nodefs.available<5%').configuration.evictionHard).toEqual({
    ...{ 'memory.available': '1Gi', 'nodefs.available': '5%' },
  })
})

test('/configz shows every default; without a file the laxer ones of the flags hold', () => {
  expect(read('').document).toMatchObject({ kind: 'KubeletConfiguration', evictionPressureTransitionPeriod: '5m0s', podPidsLimit: -1 })
  expect(readKubeletConfig(parseFlags(table, []), deps)).toMatchObject({ anonymous: true, authorizationMode: 'AlwaysAllow' })
  const merged = read('evictionHard: {memory.available: 5%}\nmergeDefaultEvictionSettings: true\n').configuration
  expect(merged.evictionHard).toMatchObject({ 'memory.available': '5%', 'nodefs.available': '10%' })
})

test('taints as --register-with-taints has them', () => {
  expect(taintOf('gpu=yes:NoSchedule')).toEqual({ key: 'gpu', value: 'yes', effect: 'NoSchedule' })
  expect(taintOf('gpu:NoExecute')).toEqual({ key: 'gpu', effect: 'NoExecute' })
  expect(() => taintOf('gpu:Never')).toThrow('invalid taint spec')
})

test('a flag of the real kubelet that does nothing here is refused by name', () => {
  expect(() => kubelet.start(['--kubeconfig=x', '--runonce'], deps)).toThrow('--runonce is known to kubelet but not implemented')
  expect(() => kubelet.start([], deps)).toThrow('--kubeconfig must be specified')
})
