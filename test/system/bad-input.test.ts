/** What is wrong is refused in clear words, with the right exit code or status, and loses nothing. */
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { command, type TestCluster, upCluster } from '../cluster.js'
import { isOnPath, run } from '../programs.js'

describe('the command', () => {
  const quorate = (args: readonly string[], env: Record<string, string> = {}) =>
    run(process.execPath, [command, ...args], { env: { QUORATE_HOME: '/dev/null/home', ...env } })

  it('refuses an even number of control planes and shows the arithmetic', async () => {
    const { code, stderr } = await quorate(['up', '--control-planes=4'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/quorum/)
    expect(stderr).toMatch(/\b3\b.*\b5\b/s)
  })

  it('refuses an unknown flag, command and component flag by name', async () => {
    expect(await quorate(['up', '--contrl-planes=3'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--contrl-planes') })
    expect(await quorate(['upp'])).toMatchObject({ code: 2, stderr: expect.stringContaining('upp') })
    const { code, stderr } = await quorate(['kube-scheduler', '--no-such-flag=1'])
    expect(code).toBe(2)
    expect(stderr).toContain('--no-such-flag')
  })

  it('says when its home cannot be written', async () => {
    const { code, stderr } = await quorate(['up'])
    expect(code).toBe(1)
    expect(stderr).toContain('/dev/null/home')
    expect(stderr).toContain('QUORATE_HOME')
  })

  it('says when a cluster does not exist, and which do', async () => {
    const { code, stderr } = await quorate(['status', 'nowhere'], { QUORATE_HOME: '/tmp/quorate-no-such-home' })
    expect(code).toBe(1)
    expect(stderr).toContain('nowhere')
  })
})

describe.skipIf(!isOnPath('kubectl'))('a cluster (skipped without kubectl)', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await upCluster('bad', '--control-planes=1', '--workers=1')
    await cluster.kubectl('create', 'configmap', 'kept', '--from-literal=a=1')
  })
  afterAll(async () => {
    expect(await cluster.kubectl('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}')).toBe('1')
    await cluster.remove()
  })

  it('refuses malformed and mistyped manifests', async () => {
    const apply = (input: string, ...flags: string[]) => cluster.tryKubectl(['create', '-f', '-', ...flags], { input })
    expect(await apply('a: [1')).toMatchObject({ code: 1, stderr: expect.stringContaining('yaml') })
    const typo = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndatta: {}\n'
    expect(await apply(typo)).toMatchObject({ code: 1, stderr: expect.stringContaining('unknown field "datta"') })
    const mistyped = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: many}\n'
    const { code, stderr } = await apply(mistyped, '--validate=false')
    expect(code).toBe(1)
    expect(stderr).toMatch(/BadRequest|cannot be handled|unmarshal/)
    const incomplete = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replicas: -1}\n'
    expect((await apply(incomplete)).stderr).toMatch(/is invalid/)
    expect(await cluster.kubectl('get', 'deployments,configmaps', '-o', 'name')).not.toContain('/x')
  })

  it('refuses a body of 10 MB', async () => {
    const big = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'big' }, data: { a: 'x'.repeat(10_000_000) } })
    const raw = await cluster.tryKubectl(['create', '--raw', '/api/v1/namespaces/default/configmaps', '-f', '-'], { input: big })
    expect(raw.code).toBe(1)
    expect(raw.stderr).toMatch(/too large/i)
  })

  it('does not take a port that is in use', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const { code, stderr } = await cluster.tryQuorate('up', 'other', `--api-port=${port}`, '--control-planes=1', '--workers=0')
    await new Promise((resolve) => server.close(resolve))
    expect(code).toBe(1)
    expect(stderr).toContain(String(port))
    expect(stderr).toContain('--api-port')
    expect(await cluster.quorate('list')).not.toMatch(/^other .*running/m)
  })
})
