// The programs that system tests drive beside Node: installs what is missing when it may, names it when it may not.
// Never fails the build: a test that lacks its program skips and says so.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** program → the Debian package that has it, and what is tested with it. */
const wanted = [
  { program: 'etcd', package: 'etcd-server', for: 'clusters with real etcd (--etcd stacked, external)' },
  { program: 'etcdctl', package: 'etcd-client', for: 'etcdctl on real and embedded stores' },
  ...[
    ...[
      ['containerd', 'containerd'],
      ['runc', 'runc'],
      ['host-local', 'containernetworking-plugins'],
      ['nft', 'nftables'],
      ['ip', 'iproute2'],
    ],
    ...[
      ['busybox', 'busybox-static'],
      ['conntrack', 'conntrack'],
      ['dig', 'dnsutils'],
    ],
  ].map(([program, name]) => ({ program, package: name, for: 'real nodes (containers, pod network, Services)' })),
  { program: 'kubectl', package: undefined, for: 'everything that is tested with kubectl' },
  { program: 'go', package: undefined, for: 'client-go programs' },
]

const onPath = (program) =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/lib/cni', '/opt/cni/bin'].some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

let missing = wanted.filter(({ program }) => !onPath(program))
const installable = missing.filter((item) => item.package)
const mayInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
if (installable.length > 0 && mayInstall) {
  const names = installable.map((item) => item.package)
  console.log(`system packages: installing ${names.join(' ')}`)
  const run = (args) =>
    spawnSync('apt-get', args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      timeout: 300_000,
    })
  // A package's own service must not start here: tests start their own members.
  const policy = '/usr/sbin/policy-rc.d'
  const { chmodSync, rmSync, writeFileSync } = await import('node:fs')
  const guard = !existsSync(policy)
  if (guard) {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n')
    chmodSync(policy, 0o755)
  }
  try {
    run(['update', '-qq'])
    run(['install', '-y', '-qq', '--no-install-recommends', ...names])
  } finally {
    if (guard) rmSync(policy, { force: true })
  }
  missing = wanted.filter(({ program }) => !onPath(program))
}
for (const item of missing) {
  const how = item.package ? `install the package ${item.package}` : `install ${item.program} and put it on the PATH`
  console.log(`system packages: ${item.program} is missing; tests of ${item.for} will be skipped. To run them, ${how}.`)
}
