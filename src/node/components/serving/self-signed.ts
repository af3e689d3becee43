/**
 * A certificate that a component makes for itself when it is given none: as DER by hand, because the X.509 library costs a process
 * more memory and start-up time than the whole rest of its serving. ECDSA P-256, version 3, subject = issuer.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIPv4, isIPv6 } from 'node:net'

export interface SelfSignedOptions {
  readonly commonName: string
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly nowMs: number
}

const yearMs = 365 * 24 * 3600 * 1000
const hourMs = 3600 * 1000

const tag = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const
const oid = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  basicConstraints: [0x55, 0x1d, 0x13],
  keyUsage: [0x55, 0x1d, 0x0f],
  extendedKeyUsage: [0x55, 0x1d, 0x25],
  subjectAltName: [0x55, 0x1d, 0x11],
  serverAuth: [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01],
} as const

export function selfSigned({ commonName, dnsNames, ipAddresses, nowMs }: SelfSignedOptions): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(der(tag.set, sequence(objectId(oid.commonName), der(tag.utf8, Buffer.from(commonName)))))
  const algorithm = sequence(objectId(oid.ecdsaWithSha256))
  const names = [...dnsNames.map((dns) => der(0x82, Buffer.from(dns, 'ascii'))), ...ipAddresses.map((ip) => der(0x87, addressBytes(ip)))]
  const body = sequence(
    der(0xa0, der(tag.integer, Buffer.from([2]))),
    // Positive: the first bit of the serial number is its sign.
    der(tag.integer, Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
    algorithm,
    name,
    sequence(time(nowMs - hourMs), time(nowMs + yearMs)),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    der(
      0xa3,
      sequence(
        extension(oid.basicConstraints, sequence(der(tag.boolean, Buffer.from([0xff]))), true),
        // digitalSignature, keyEncipherment, keyCertSign.
        extension(oid.keyUsage, der(tag.bits, Buffer.from([2, 0xa4])), true),
        extension(oid.extendedKeyUsage, sequence(objectId(oid.serverAuth))),
        extension(oid.subjectAltName, sequence(...names)),
      ),
    ),
  )
  const signature = der(tag.bits, Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]))
  return {
    cert: pem(sequence(body, algorithm, signature)),
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  }
}

function der(type: number, content: Buffer): Buffer {
  const { length } = content
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([type, ...head]), content])
}

const sequence = (...parts: readonly Buffer[]) => der(tag.sequence, Buffer.concat(parts))
const objectId = (id: readonly number[]) => der(tag.oid, Buffer.from(id))

function extension(id: readonly number[], value: Buffer, critical = false): Buffer {
  return sequence(objectId(id), ...(critical ? [der(tag.boolean, Buffer.from([0xff]))] : []), der(tag.octets, value))
}

function time(ms: number): Buffer {
  return der(tag.time, Buffer.from(`${new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`))
}

function addressBytes(ip: string): Buffer {
  if (isIPv4(ip)) return Buffer.from(ip.split('.').map(Number))
  if (!isIPv6(ip)) throw new TypeError(`${ip}: not an IP address`)
  const [head = '', tail] = ip.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const all = tail === undefined ? before : [...before, ...new Array<string>(8 - before.length - after.length).fill('0'), ...after]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
