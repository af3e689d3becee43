import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { realClock } from '../base/real-clock.js'
import type { Kubeconfig } from '../pki/kubeconfig.js'
import { fileForContext, kubeconfigFiles, mergedKubeconfig, mergeKubeconfig, removeContext, withoutContext } from './kubeconfig-merge.js'

function config(name: string, server = 'https://127.0.0.1:6443'): Kubeconfig {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': 'Y2E=' } }],
    users: [{ name, user: { 'client-certificate-data': 'Yw==', 'client-key-data': 'aw==' } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  }
}

const theirs = `# my clusters
apiVersion: v1
kind: Config
preferences: {colors: true}   # as I like it
clusters:
- cluster:
    server: https://prod.example:6443  # careful
  name: prod
contexts:
- context: {cluster: prod, user: me, namespace: shop}
  name: prod
current-context: prod
users:
- name: me
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: get-token
      interactiveMode: Never
extensions:
- name: some-tool
  extension: {since: "010"}
`

describe('merging a context', () => {
  it('makes a file of its own where there is none', () => {
    const text = mergedKubeconfig('', config('quorate-a'), 'f')
    expect(text).toMatch(/^apiVersion: v1\nkind: Config\n/)
    expect(text).toContain('current-context: quorate-a')
  })

  it('keeps every other line of the file, comments included', () => {
    const text = mergedKubeconfig(theirs, config('quorate-a'), 'f')
    const kept = theirs.split('\n').filter((line) => !line.startsWith('current-context'))
    const lines = new Set(text.split('\n').map((line) => line.replaceAll(/\s+#/g, ' #').replaceAll('{ ', '{').replaceAll(' }', '}')))
    expect(kept.map((line) => line.replaceAll(/\s+#/g, ' #')).filter((line) => !lines.has(line))).toEqual([])
    expect(text).toContain('current-context: quorate-a\n')
  })

  it('replaces an entry of the same name', () => {
    const once = mergedKubeconfig(theirs, config('quorate-a', 'https://127.0.0.1:1'), 'f')
    const twice = mergedKubeconfig(once, config('quorate-a', 'https://127.0.0.1:2'), 'f')
    expect(twice).not.toContain('127.0.0.1:1')
    expect(twice.match(/name: quorate-a/g)).toHaveLength(3)
  })

  it('and removing it again gives the file back, but for the current context', () => {
    const without = withoutContext(mergedKubeconfig(theirs, config('quorate-a'), 'f'), 'quorate-a', 'f')
    expect(mergedKubeconfig(without as string, config('x'), 'f')).toBe(mergedKubeconfig(theirs, config('x'), 'f'))
    expect(without).toContain('current-context: ""')
  })

  it('leaves the current context alone on removal when it is another', () => {
    const merged = mergedKubeconfig(theirs, config('quorate-a'), 'f').replace('current-context: quorate-a', 'current-context: prod')
    expect(withoutContext(merged, 'quorate-a', 'f')).toContain('current-context: prod')
    expect(withoutContext(theirs, 'quorate-a', 'f')).toBeUndefined()
  })

  it('fills lists that are empty or null', () => {
    const text = mergedKubeconfig('apiVersion: v1\nkind: Config\nclusters: null\nusers: []\n', config('quorate-a'), 'f')
    expect(text.match(/name: quorate-a/g)).toHaveLength(3)
  })

  it('refuses a file that is no kubeconfig', () => {
    for (const text of ['a: [', '- 1', 'clusters: 3'])
      expect(() => mergedKubeconfig(text, config('quorate-a'), 'the-file'), text).toThrow(/the-file is no kubeconfig/)
  })
})

describe('the file of the context', () => {
  it('is the given one, else the first of $KUBECONFIG that exists, else the last, else ~/.kube/config', () => {
    const place = { listSeparator: ':', home: '/home/ada' }
    expect(kubeconfigFiles({ ...place, given: 'x', variable: 'a:b' })).toEqual(['x'])
    expect(kubeconfigFiles({ ...place, given: undefined, variable: ':a::b' })).toEqual(['a', 'b'])
    expect(kubeconfigFiles({ ...place, given: undefined, variable: '' })).toEqual(['/home/ada/.kube/config'])
    expect(fileForContext(['/nowhere/a', import.meta.filename, '/nowhere/b'])).toBe(import.meta.filename)
    expect(fileForContext(['/nowhere/a', '/nowhere/b'])).toBe('/nowhere/b')
  })
})

describe('the file on disk', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'quorate-kubeconfig-'))
  })
  afterEach(() => rmSync(dir, { recursive: true, force: true }))

  it('is made for its owner alone, and loses nothing to merges at the same time', async () => {
    const file = join(dir, 'sub', 'config')
    const names = Array.from({ length: 8 }, (_, at) => `quorate-${at}`)
    await Promise.all(names.map((name) => mergeKubeconfig(file, config(name), realClock())))
    const text = readFileSync(file, 'utf8')
    for (const name of names) expect(text.match(new RegExp(`name: ${name}\\b`, 'g')), name).toHaveLength(3)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(existsSync(`${file}.lock`)).toBe(false)
  })

  it('keeps its mode and stays a link', async () => {
    const real = join(dir, 'real')
    writeFileSync(real, theirs)
    chmodSync(real, 0o640)
    symlinkSync(real, join(dir, 'config'))
    await mergeKubeconfig(join(dir, 'config'), config('quorate-a'), realClock())
    expect(readFileSync(real, 'utf8')).toContain('quorate-a')
    expect(statSync(real).mode & 0o777).toBe(0o640)
    await removeContext(join(dir, 'config'), 'quorate-a', realClock())
    expect(readFileSync(real, 'utf8')).not.toContain('quorate-a')
  })
})
