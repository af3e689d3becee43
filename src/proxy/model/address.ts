import { formatIp, type IpFamily, parseCidr, parseIp } from '../../api/ip.js'

const dotted = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

/**
 * The canonical text of an address of the family; undefined for anything else. Everything that goes into the rules passes here, so
 * that no text of an object can become a command.
 */
export function addressOf(family: IpFamily, text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  if (family === 'IPv4') return dotted.test(text) ? text : undefined
  const ip = text.includes(':') ? parseIp(text) : undefined
  return ip && formatIp(ip)
}

/** As `addressOf`, for "ADDRESS/PREFIX". */
export function cidrOf(family: IpFamily, text: string): string | undefined {
  const cidr = parseCidr(text)
  if (cidr?.family !== family) return undefined
  return `${formatIp({ family, value: cidr.first })}/${text.slice(text.indexOf('/') + 1)}`
}
