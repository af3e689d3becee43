/** Who asks. */
export interface UserInfo {
  readonly name: string
  readonly uid?: string
  readonly groups: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/** What a request brings to prove it. */
export interface Credentials {
  /** A request header by lower-case name. */
  header(name: string): string | undefined
  /** The verified client certificate's subject (chain checked against --client-ca-file by TLS), when one was presented. */
  readonly certificate?: {
    readonly commonName: string
    readonly organizations: readonly string[]
    readonly uid?: string
    readonly credentialId?: string
    readonly notAfter?: Date
  }
  /** Set when a client certificate was presented that no authority vouches for, or that is out of date. */
  readonly untrustedCertificate?: true
  /** Set when the client certificate was checked against --requestheader-client-ca-file: it is a front proxy's. */
  readonly frontProxyCertificate?: { readonly commonName: string }
  /** Lower-case names of all headers, for families of them (x-remote-extra-*). */
  headerNames?(): Iterable<string>
}

/**
 * Turns credentials into a user. undefined: these credentials are not of my kind (ask the next authenticator).
 * Throws StatusError Unauthorized when they are and are wrong. Synchronous answers are for the hot path (caches).
 */
export interface Authenticator {
  readonly name: string
  authenticate(credentials: Credentials): UserInfo | undefined | Promise<UserInfo | undefined>
}

export const anonymous: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] }
