/** Numbers of the DNS protocol (RFC 1035 and the IANA registry), by name. */

export const types = {
  A: 1,
  NS: 2,
  MD: 3,
  MF: 4,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  NULL: 10,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  RT: 21,
  SIG: 24,
  KEY: 25,
  PX: 26,
  AAAA: 28,
  LOC: 29,
  SRV: 33,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  CDS: 59,
  CDNSKEY: 60,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  URI: 256,
  CAA: 257,
} as const

const typeNames = new Map<number, string>(Object.entries(types).map(([name, code]) => [code, name]))

/** RFC 3597's TYPE123 for one without a name. */
export function typeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`
}

/** undefined when there is no such type. */
export function typeOf(name: string): number | undefined {
  const upper = name.toUpperCase()
  if (Object.hasOwn(types, upper)) return types[upper as keyof typeof types]
  const generic = /^TYPE(\d{1,5})$/.exec(upper)
  return generic && Number(generic[1]) < 65_536 ? Number(generic[1]) : undefined
}

export const classes = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const

export function className(value: number): string {
  return Object.entries(classes).find(([, code]) => code === value)?.[0] ?? `CLASS${value}`
}

export function classOf(name: string): number | undefined {
  const upper = name.toUpperCase()
  return Object.hasOwn(classes, upper) ? classes[upper as keyof typeof classes] : undefined
}

export const rcodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADVERS: 16,
} as const

const rcodeNames = new Map<number, string>(Object.entries(rcodes).map(([name, code]) => [code, name]))

export function rcodeName(rcode: number): string {
  return rcodeNames.get(rcode) ?? `RCODE${rcode}`
}

export function rcodeOf(name: string): number | undefined {
  const upper = name.toUpperCase()
  return Object.hasOwn(rcodes, upper) ? rcodes[upper as keyof typeof rcodes] : undefined
}

/** Bits of the header's second word. */
export const flags = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const

export const headerBytes = 12
/** What UDP carries without EDNS0 (RFC 1035, 4.2.1). */
export const plainUdpBytesMax = 512
export const messageBytesMax = 65_535
