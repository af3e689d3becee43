import type { Authenticator } from './authenticator.js'

/** Client certificates: common name is the user, organizations are its groups. TLS has checked chain and dates before. */
export function clientCertificate(): Authenticator {
  return {
    name: 'client certificate',
    authenticate({ certificate }) {
      if (!certificate || certificate.commonName === '') return undefined
      return {
        name: certificate.commonName,
        groups: certificate.organizations,
        ...(certificate.uid ? { uid: certificate.uid } : {}),
        ...(certificate.credentialId ? { extra: { 'authentication.kubernetes.io/credential-id': [certificate.credentialId] } } : {}),
      }
    },
  }
}
