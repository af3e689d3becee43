import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { type FlagDefinition, parseFlags } from '../flags/flags.js'
import definitions from '../flags/data/kubelet.json' with { type: 'json' }
import { readKubeletConfig, taintOf } from './kubelet-config.js'
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
  expect(read('port: 10260\n')).toMatchObject({ port: 10_260, healthzPort: 10_248, maxPods: 110, authorizationMode: 'AlwaysAllow' })
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

test('taints as --register-with-taints has them', () => {
  expect(taintOf('gpu=yes:NoSchedule')).toEqual({ key: 'gpu', value: 'yes', effect: 'NoSchedule' })
  expect(taintOf('gpu:NoExecute')).toEqual({ key: 'gpu', effect: 'NoExecute' })
  expect(() => taintOf('gpu:Never')).toThrow('invalid taint spec')
})

test('a flag of the real kubelet that does nothing here is refused by name', () => {
  expect(() => kubelet.start(['--kubeconfig=x', '--runonce'], deps)).toThrow('--runonce is known to kubelet but not implemented')
  expect(() => kubelet.start([], deps)).toThrow('--kubeconfig must be specified')
})
