import { unauthorized } from '../../api/status.js'
import type { Authenticator } from './authenticator.js'

/**
 * Client certificates: common name is the user, organizations are its groups. TLS has checked chain and dates before: one that failed
 * is a wrong credential, not none. */
export function clientCertificate(): Authenticator {
  return {
    name: 'client certificate',
    authenticate({ certificate, untrustedCertificate }) {
      if (untrustedCertificate) throw unauthorized()
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
