/**
 * The directory of the certificates. What is there already is used when it is good: an administrator may bring his own authority,
 * and may keep its key elsewhere (external CA: then every certificate that it signs must be there).
 */
import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { parseDurationMs } from '../../base/duration.js'
import { QuorateError } from '../../base/errors.js'
import { createAuthority, createLeaf, createSigningKey, type KeyPair } from '../../pki/certificates.js'
import type { ClusterConfiguration } from '../config/types.js'
import type { NodeFiles } from '../machine/node-files.js'
import { type AuthoritySpec, authorities, type CertificateOwner, type LeafSpec } from './specs.js'

export type Outcome = 'made' | 'kept'

const dayMs = 24 * 3600 * 1000
/** Certificates may be read by everybody, keys by root alone: kubeadm's modes. */
const certificateMode = 0o644

export class CertificateDirectory {
  readonly #files: NodeFiles
  readonly #cluster: ClusterConfiguration
  readonly #nowMs: number

  constructor(files: NodeFiles, cluster: ClusterConfiguration, nowMs: number) {
    this.#files = files
    this.#cluster = cluster
    this.#nowMs = nowMs
  }

  async ensureAuthority({ file, commonName }: AuthoritySpec): Promise<Outcome> {
    const cert = this.#read(`${file}.crt`)
    if (cert === undefined) {
      if (this.#read(`${file}.key`) !== undefined) throw this.#fault(`${file}.crt`, 'is missing, but its key is there')
      const { encryptionAlgorithm: algorithm, caCertificateValidityPeriod: period } = this.#cluster
      this.#writePair(file, await createAuthority(commonName, { nowMs: this.#nowMs, days: days(period), algorithm }))
      return 'made'
    }
    if (!this.#certificate(`${file}.crt`).ca) throw this.#fault(`${file}.crt`, 'is not a certificate of an authority')
    return 'kept'
  }

  async ensureLeaf(spec: LeafSpec, owner: CertificateOwner): Promise<Outcome> {
    if (this.#read(`${spec.file}.crt`) !== undefined) {
      this.#assertGood(spec, owner)
      return 'kept'
    }
    await this.makeLeaf(spec, owner)
    return 'made'
  }

  /** Anew, whatever is there. */
  async makeLeaf(spec: LeafSpec, owner: CertificateOwner): Promise<void> {
    const { encryptionAlgorithm: algorithm, certificateValidityPeriod: period } = this.#cluster
    const leaf = { ...spec.leaf(owner), nowMs: this.#nowMs, days: days(period), algorithm }
    this.#writePair(spec.file, await createLeaf(this.authority(spec.authority), leaf))
  }

  async ensureServiceAccountKey(): Promise<Outcome> {
    if (this.#read('sa.key') !== undefined) {
      if (this.#read('sa.pub') === undefined) throw this.#fault('sa.pub', 'is missing, but sa.key is there')
      return 'kept'
    }
    const { key, publicKey } = await createSigningKey(this.#cluster.encryptionAlgorithm)
    this.#write('sa.key', key)
    this.#write('sa.pub', publicKey, 0o600)
    return 'made'
  }

  /** Throws CertificateMissing: also when only the key is elsewhere (an external CA). */
  authority(name: AuthoritySpec['name']): KeyPair {
    const { file } = specOf(name)
    const [cert, key] = [this.#read(`${file}.crt`), this.#read(`${file}.key`)]
    if (cert !== undefined && key !== undefined) return { cert, key }
    const missing = cert === undefined ? `${file}.crt` : `${file}.key`
    throw new QuorateError('CertificateMissing', `${this.path(missing)} is not there`, {
      remedy:
        cert === undefined
          ? `Run "quorate init phase certs ${name}".`
          : 'With an external CA bring the certificates that it has to sign ("quorate certs generate-csr").',
    })
  }

  isExternal(name: AuthoritySpec['name']): boolean {
    const { file } = specOf(name)
    return this.#read(`${file}.crt`) !== undefined && this.#read(`${file}.key`) === undefined
  }

  /** undefined when it is not there; throws CertificateUnusable when it cannot be read as one. */
  certificateOf(file: string): X509Certificate | undefined {
    return this.#read(`${file}.crt`) === undefined ? undefined : this.#certificate(`${file}.crt`)
  }

  /** The certificate of an authority, whose key may be elsewhere. Throws CertificateMissing. */
  pemOf(name: AuthoritySpec['name']): string {
    return this.#read(`${specOf(name).file}.crt`) ?? this.authority(name).cert
  }

  path(file: string): string {
    return join(this.#cluster.certificatesDir, file)
  }

  /** A certificate that is kept is in force, signed by our authority, and has the names that it needs. */
  #assertGood(spec: LeafSpec, owner: CertificateOwner): void {
    const certificate = this.#certificate(`${spec.file}.crt`)
    if (this.#read(`${spec.file}.key`) === undefined) throw this.#fault(`${spec.file}.key`, 'is missing, but its certificate is there')
    const authority = this.#certificate(`${specOf(spec.authority).file}.crt`)
    if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey))
      throw this.#fault(`${spec.file}.crt`, `is not signed by ${this.path(`${specOf(spec.authority).file}.crt`)}`)
    if (Date.parse(certificate.validTo) <= this.#nowMs) throw this.#fault(`${spec.file}.crt`, `has expired on ${certificate.validTo}`)
    const { dnsNames = [], ipAddresses = [] } = spec.leaf(owner)
    const lacking = [...dnsNames.filter((name) => !certificate.checkHost(name)), ...ipAddresses.filter((ip) => !certificate.checkIP(ip))]
    if (lacking.length > 0) throw this.#fault(`${spec.file}.crt`, `is not valid for ${lacking.join(', ')}`)
  }

  #certificate(file: string): X509Certificate {
    try {
      return new X509Certificate(this.#read(file) ?? '')
    } catch (error) {
      throw this.#fault(file, `cannot be read as a certificate: ${(error as Error).message}`)
    }
  }

  #writePair(file: string, { cert, key }: KeyPair): void {
    // The key first: a certificate without one would look like an external authority's.
    this.#write(`${file}.key`, key)
    this.#write(`${file}.crt`, cert, certificateMode)
  }

  #read(file: string): string | undefined {
    return this.#files.read(this.path(file))
  }

  #write(file: string, text: string, mode = 0o600): void {
    this.#files.write(this.path(file), text, mode)
  }

  #fault(file: string, what: string): QuorateError {
    return new QuorateError('CertificateUnusable', `${this.path(file)} ${what}`, {
      remedy: 'Remove the file to have it made anew, or replace it.',
    })
  }
}

export function specOf(name: AuthoritySpec['name']): AuthoritySpec {
  return authorities.find((spec) => spec.name === name) as AuthoritySpec
}

function days(period: string): number {
  return (parseDurationMs(period) ?? 0) / dayMs
}
