/** kubectl as it comes, through what a user does in a first week. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type TestCluster, upCluster } from '../cluster.js'
import { isOnPath, reference } from '../programs.js'

const web = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "example.com/web:1", ports: [{containerPort: 80}]}]}
`

const workloads = `apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: main, image: "example.com/db:1"}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: main, image: "example.com/agent:1"}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  completions: 3
  parallelism: 2
  template:
    spec: {restartPolicy: Never, containers: [{name: main, image: "example.com/job:1"}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: tick}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: OnFailure, containers: [{name: main, image: "example.com/job:1"}]}
`

describe.skipIf(!isOnPath('kubectl'))('kubectl (skipped where it is not on the PATH)', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await upCluster('kubectl')
  })
  afterAll(async () => cluster?.remove())
  const kubectl = (...args: string[]) => cluster.kubectl(...args)

  it('shows the nodes and the static pods, and logs of a component', async () => {
    const nodes = await kubectl('get', 'nodes', '--no-headers')
    expect(nodes.match(/ Ready /g)).toHaveLength(5)
    expect(nodes.match(/ control-plane /g)).toHaveLength(3)
    // The last mirror pod may follow its node by a moment.
    await vi.waitFor(
      async () => {
        const pods = await kubectl('get', 'pods', '-n', 'kube-system', '-o', 'wide', '--no-headers')
        for (const component of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])
          expect(pods.match(new RegExp(`${component}-\\S+ +1/1 +Running`, 'g'))).toHaveLength(3)
      },
      { timeout: 30_000, interval: 200 },
    )
    expect(await kubectl('logs', 'kube-apiserver-cp-2', '-n', 'kube-system')).toContain('Serving securely')
  })

  it('rolls a Deployment out, back, and to another size, on workers only', async () => {
    await cluster.kubectlWith(web, 'apply', '-f', '-')
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
    await kubectl('expose', 'deployment', 'web', '--port=80')
    expect(await kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}')).toMatch(/^10\.(9[6-9]|10\d|11[01])\./)
    await kubectl('scale', 'deployment', 'web', '--replicas=4')
    await kubectl('wait', 'deployment/web', '--for=jsonpath={.status.availableReplicas}=4', '--timeout=60s')
    await kubectl('set', 'image', 'deployment/web', 'main=example.com/web:2')
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
    expect(await kubectl('rollout', 'history', 'deployment/web')).toMatch(/^1 .*\n2 /m)
    await kubectl('rollout', 'undo', 'deployment/web')
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
    expect(await kubectl('get', 'deployment', 'web', '-o', 'jsonpath={..image}')).toBe('example.com/web:1')
    const nodes = (await kubectl('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].spec.nodeName}')).split(' ')
    expect(nodes.length).toBeGreaterThanOrEqual(4)
    const controlPlanes = await kubectl('get', 'nodes', '-l', 'node-role.kubernetes.io/control-plane', '-o', 'name')
    for (const node of nodes) expect(controlPlanes).not.toContain(`node/${node}`)
    expect(await kubectl('get', 'endpointslices', '-l', 'kubernetes.io/service-name=web', '--no-headers')).toMatch(/ 80 /)
  })

  it('runs a StatefulSet, a DaemonSet, a Job and a CronJob', async () => {
    await cluster.kubectlWith(workloads, 'apply', '-f', '-')
    await kubectl('rollout', 'status', 'statefulset/db', '--timeout=60s')
    await kubectl('rollout', 'status', 'daemonset/agent', '--timeout=60s')
    await kubectl('wait', 'job/once', '--for=condition=Complete', '--timeout=60s')
    expect(await kubectl('get', 'pods', '-l', 'app=db', '-o', 'name')).toBe('pod/db-0\npod/db-1\n')
    expect(await kubectl('get', 'daemonset', 'agent', '-o', 'jsonpath={.status.numberReady}')).toBe('2')
    await kubectl('create', 'job', 'now', '--from=cronjob/tick')
    await kubectl('wait', 'job/now', '--for=condition=Complete', '--timeout=60s')
  })

  it('labels, annotates, patches, edits, compares, explains and watches', async () => {
    await kubectl('create', 'configmap', 'settings', '--from-literal=a=1')
    await kubectl('label', 'configmap', 'settings', 'tier=backend')
    await kubectl('annotate', 'configmap', 'settings', 'note=x')
    await kubectl('patch', 'configmap', 'settings', '-p', '{"data":{"b":"2"}}')
    await kubectl('patch', 'configmap', 'settings', '--type=json', '-p', '[{"op":"replace","path":"/data/a","value":"3"}]')
    const edited = await cluster.tryKubectl(['edit', 'configmap', 'settings'], { env: { EDITOR: 'sed -i s/backend/frontend/' } })
    expect(edited).toMatchObject({ code: 0 })
    expect(await kubectl('get', 'configmap', '-l', 'tier=frontend', '-o', 'jsonpath={.items[0].data}')).toBe('{"a":"3","b":"2"}')
    const diff = await cluster.tryKubectl(['diff', '-f', '-'], { input: web.replace('replicas: 2', 'replicas: 3') })
    expect(diff).toMatchObject({ code: 1, stderr: '' })
    expect(diff.stdout).toMatch(/^\+ +replicas: 3$/m)
    expect(await kubectl('explain', 'pod.spec.containers.livenessProbe')).toContain('FIELD: livenessProbe <Probe>')
    const watched = await cluster.tryKubectl(['get', 'configmap', 'settings', '-w', '--request-timeout=2s'])
    expect(watched.stdout).toContain('settings')
  })

  it('drains and cordons', async () => {
    const [worker = ''] = (await kubectl('get', 'nodes', '-l', '!node-role.kubernetes.io/control-plane', '-o', 'name')).split('\n')
    await kubectl('drain', worker, '--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=60s')
    expect(await kubectl('get', worker, '-o', 'jsonpath={.spec.unschedulable}')).toBe('true')
    await kubectl('wait', 'deployment/web', '--for=condition=Available', '--timeout=60s')
    await kubectl('uncordon', worker)
  })

  it('answers who may, what there is, and cleans a namespace', async () => {
    expect(await kubectl('auth', 'can-i', 'create', 'pods')).toBe('yes\n')
    const asAnyone = await cluster.tryKubectl(['auth', 'can-i', 'delete', 'nodes', '--as=jane'])
    expect(asAnyone).toMatchObject({ code: 1, stdout: 'no\n' })
    expect(await kubectl('api-resources')).toMatch(/^deployments +deploy +apps\/v1 +true +Deployment$/m)
    await kubectl('create', 'namespace', 'away')
    await cluster.kubectlWith(web, 'apply', '-n', 'away', '-f', '-')
    await kubectl('rollout', 'status', '-n', 'away', 'deployment/web', '--timeout=60s')
    await kubectl('delete', 'namespace', 'away', '--timeout=60s')
    expect((await cluster.tryKubectl(['get', 'namespace', 'away'])).stderr).toContain('NotFound')
  })

  it('applies on the server: takes over from the client, meets conflicts, forces, compares, gives up fields', async () => {
    const menu = (data: object) => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'menu' }, data })
    const data = () => kubectl('get', 'configmap', 'menu', '-o', 'jsonpath={.data}')
    await cluster.kubectlWith(menu({ soup: 'tomato', main: 'pasta' }), 'apply', '-f', '-')
    const diff = await cluster.tryKubectl(['diff', '--server-side', '-f', '-'], { input: menu({ soup: 'lentil', main: 'pasta' }) })
    expect(diff).toMatchObject({ code: 1, stderr: '' })
    expect(diff.stdout).toMatch(/^\+ +soup: lentil$/m)
    await cluster.kubectlWith(menu({ soup: 'lentil' }), 'apply', '--server-side', '-f', '-')
    expect(await data()).toBe('{"soup":"lentil"}')
    const other = ['apply', '--server-side', '--field-manager=other', '-f', '-']
    const refused = await cluster.tryKubectl(other, { input: menu({ soup: 'miso' }) })
    expect(refused.stderr).toContain('Apply failed with 1 conflict: conflict with "kubectl": .data.soup')
    await cluster.kubectlWith(menu({ soup: 'miso' }), ...other, '--force-conflicts')
    expect(await data()).toBe('{"soup":"miso"}')
    // What it took it gives up, and nobody else wants it.
    await cluster.kubectlWith(menu({}), ...other)
    expect(await data()).toBe('')
  })

  it.skipIf(!reference)('installs definitions of others by server-side apply (skipped without QUORATE_REFERENCE)', async () => {
    const definitions = join(reference, 'samples', 'cert-manager')
    await kubectl('apply', '--server-side', '-f', definitions)
    await kubectl('wait', 'crd', '--all', '--for=condition=Established', '--timeout=60s')
    const version = () => kubectl('get', 'crd', '-o', 'jsonpath={.items[*].metadata.resourceVersion}')
    const before = await version()
    await kubectl('apply', '--server-side', '-f', definitions)
    expect(await version()).toBe(before)
    const certificate = (spec: object) =>
      JSON.stringify({ apiVersion: 'cert-manager.io/v1', kind: 'Certificate', metadata: { name: 'mine' }, spec })
    const spec = { secretName: 'mine-tls', issuerRef: { name: 'ca' }, dnsNames: ['example.com'] }
    await cluster.kubectlWith(certificate(spec), 'apply', '--server-side', '-f', '-')
    const wrong = { ...spec, privateKey: { algorithm: 'None' } }
    const refused = await cluster.tryKubectl(['apply', '--server-side', '-f', '-'], { input: certificate(wrong) })
    expect(refused.stderr).toContain('spec.privateKey.algorithm')
  })

  it.skipIf(!reference)('applies manifests of others as they are (skipped without QUORATE_REFERENCE)', async () => {
    const samples = join(reference, 'samples')
    await kubectl('create', 'namespace', 'samples')
    for (const sample of ['guestbook/all-in-one/guestbook-all-in-one.yaml', 'cassandra'])
      await kubectl('apply', '-n', 'samples', '-f', join(samples, sample))
    await kubectl('wait', '-n', 'samples', 'deployment', '--all', '--for=condition=Available', '--timeout=60s')
    await kubectl('apply', '--server-side=false', '-f', join(samples, 'gateway-api'))
    await kubectl('wait', 'crd', '--all', '--for=condition=Established', '--timeout=60s')
    const gatewayClass = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'GatewayClass',
      metadata: { name: 'mine' },
      spec: { controllerName: 'example.com/gateway' },
    }
    await cluster.kubectlWith(JSON.stringify(gatewayClass), 'apply', '-f', '-')
    expect(await kubectl('get', 'gatewayclass', 'mine', '--no-headers')).toContain('example.com/gateway')
    await kubectl('explain', 'gatewayclass.spec.controllerName')
  })
})
