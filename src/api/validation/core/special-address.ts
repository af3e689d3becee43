/** Addresses that only mean something to one machine or one link cannot be endpoints. */
import { contains, parseCidr, parseIp } from '../../ip.js'
import type { Faults } from '../faults.js'

const special = (
  [
    ['0.0.0.0/32', 'may not be unspecified'],
    ['::/128', 'may not be unspecified'],
    ['127.0.0.0/8', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['::1/128', 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
    ['169.254.0.0/16', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
    ['fe80::/10', 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
    ['224.0.0.0/24', 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
    ['ff02::/16', 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
  ] as const
).map(([range, detail]) => ({ range: parseCidr(range), detail }))

export function specialAddressFaults(faults: Faults, path: string, text: string): void {
  const ip = parseIp(text)
  if (!ip) return faults.invalid(path, text, 'must be a valid IP address')
  for (const { range, detail } of special) if (range && contains(range, ip)) faults.invalid(path, text, detail)
}
