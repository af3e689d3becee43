import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../base/logger.js'
import { seededRandom } from '../../base/random.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { network } from './network.js'

const deps = { clock: new VirtualClock(), random: seededRandom(1), logger: silentLogger, resolvePath: (path: string) => path }

describe('quorate network', () => {
  it.each([
    [[], '--kubeconfig must be specified'],
    [['--iface=eth0'], 'unknown flag: --iface'],
    [['--backend=wireguard'], '--backend: "wireguard" is none of auto, host-gw, vxlan'],
    [['--mtu=500'], '--mtu: 500 is not between 1280 and 65535'],
    [['--vxlan-port=70000'], '--vxlan-port: 70000 is not between 1 and 65535'],
    [['--bridge=a/b'], '--bridge: "a/b" is no name of a device'],
    [['--kubeconfig=x', '--healthz-bind-address=localhost'], '--healthz-bind-address: "localhost" is no IP:PORT'],
  ])('refuses %j: %s', (argv, message) => {
    expect(() => network.start(argv, deps)).toThrow(message)
  })

  it('names its flags with their defaults', () => {
    expect(network.help()).toContain('--cni-conf-dir string (default /etc/cni/net.d)')
  })
})
