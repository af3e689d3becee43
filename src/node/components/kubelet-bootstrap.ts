/**
 * How a kubelet comes by its client certificate (Kubernetes documentation: TLS bootstrapping): with the bootstrap kubeconfig it asks
 * for one in its node's name, waits until it is granted, and writes it with a kubeconfig that names it. What is there and in force
 * is kept.
 */
import { X509Certificate } from 'node:crypto'
import { existsSync, renameSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { stringify } from 'yaml'
import type { CertificateSigningRequest } from '../../api/types/certificates-v1.js'
import { messageOf, QuorateError } from '../../base/errors.js'
import { writeFileWhole } from '../../base/node/files.js'
import type { Client } from '../../client/client.js'
import { resources } from '../../client/resources.js'
import { createRequest } from '../../pki/certificates.js'
import type { HostedDeps } from './component.js'
import { connectKubeconfig } from './kubeconfig-client.js'
import { readKubeconfig } from './kubeconfig-file.js'

export interface KubeletBootstrap {
  /** --kubeconfig and --bootstrap-kubeconfig, as they are called on the node. */
  readonly kubeconfig: string
  readonly bootstrapKubeconfig: string
  /** --cert-dir */
  readonly certDir: string
  readonly nodeName: string
}

const signerName = 'kubernetes.io/kube-apiserver-client-kubelet'
const current = 'kubelet-client-current.pem'
const pollMs = 500
/** Upstream's patience with a request that nobody grants; then it asks anew. */
const grantTimeoutMs = 15 * 60_000

/** Does nothing when the kubeconfig is usable. Waits, with a request after the other, until a certificate is granted. */
export async function bootstrapKubelet(options: KubeletBootstrap, deps: HostedDeps, signal: AbortSignal): Promise<void> {
  if (isUsable(options, deps)) return
  const { logger, clock } = deps
  for (let failures = 0; ; failures++) {
    const client = connectKubeconfig(options.bootstrapKubeconfig, deps, { userAgent: 'kubelet' })
    try {
      const { certificate, key } = await requestCertificate(client, options.nodeName, deps, signal)
      writeCredentials(options, `${certificate.trimEnd()}\n${key}`, deps)
      logger.info('The client certificate was granted', { node: options.nodeName })
      return
    } catch (error) {
      if (signal.aborted) throw error
      if (error instanceof QuorateError && error.code === 'RequestDenied') throw error
      logger.warn('No client certificate yet', { error: messageOf(error) })
      await clock.sleep(Math.min(1_000 * 2 ** failures, 10_000), signal)
    } finally {
      await client.close()
    }
  }
}

/** A kubeconfig whose certificate is in force now; one with a token, or none to judge, is left alone. */
function isUsable({ kubeconfig }: KubeletBootstrap, { clock, resolvePath }: HostedDeps): boolean {
  const file = resolvePath(kubeconfig)
  if (!existsSync(file)) return false
  const { cert } = readKubeconfig(file, resolvePath)
  if (cert === undefined) return true
  const { validFrom, validTo } = new X509Certificate(cert)
  const nowMs = clock.now()
  return Date.parse(validFrom) <= nowMs && nowMs < Date.parse(validTo)
}

/** Throws QuorateError RequestDenied, or RequestNotGranted when nobody has signed it in time. */
export async function requestCertificate(
  client: Client,
  nodeName: string,
  { clock }: HostedDeps,
  signal: AbortSignal,
): Promise<{ certificate: string; key: string }> {
  const { request, key } = await createRequest({ commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] })
  const requests = client.resource<CertificateSigningRequest>(resources.certificateSigningRequests)
  const spec = {
    request: Buffer.from(request).toString('base64'),
    signerName,
    usages: ['digital signature' as const, 'client auth' as const],
  }
  const { metadata } = await requests.create({ metadata: { generateName: 'csr-' }, spec })
  const deadline = clock.monotonic() + grantTimeoutMs
  for (;;) {
    const { status } = await requests.get('', metadata.name ?? '', { signal })
    if (status?.certificate) return { certificate: Buffer.from(status.certificate, 'base64').toString(), key }
    const refusal = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed')
    if (refusal)
      throw new QuorateError(
        'RequestDenied',
        `the certificate request ${metadata.name ?? ''} was ${refusal.type === 'Denied' ? 'denied' : 'failed'}: ${refusal.message ?? refusal.reason ?? ''}`,
        {
          remedy: `See "kubectl describe csr ${metadata.name ?? ''}".`,
        },
      )
    if (clock.monotonic() >= deadline)
      throw new QuorateError('RequestNotGranted', `nobody has granted the certificate request ${metadata.name ?? ''}`, {
        remedy: `Grant it with "kubectl certificate approve ${metadata.name ?? ''}", or see that the controllers run.`,
      })
    await clock.sleep(pollMs, signal)
  }
}

/** The pair in a file of its own, `kubelet-client-current.pem` pointing to it, and a kubeconfig that names that. */
function writeCredentials(
  { kubeconfig, bootstrapKubeconfig, certDir }: KubeletBootstrap,
  pem: string,
  { clock, resolvePath }: HostedDeps,
): void {
  const dir = resolvePath(certDir)
  const stamp = new Date(clock.now()).toISOString().slice(0, 19).replaceAll(':', '-').replace('T', '-')
  const file = join(dir, `kubelet-client-${stamp}.pem`)
  writeFileWhole(file, pem, { durable: true })
  const beside = join(dir, `${current}.new`)
  symlinkSync(basename(file), beside)
  renameSync(beside, join(dir, current))
  const { server, ca } = readKubeconfig(resolvePath(bootstrapKubeconfig), resolvePath)
  const path = `${certDir}/${current}`
  const text = stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'default-cluster', cluster: { server, ...(ca ? { 'certificate-authority-data': Buffer.from(ca).toString('base64') } : {}) } },
    ],
    users: [{ name: 'default-auth', user: { 'client-certificate': path, 'client-key': path } }],
    contexts: [{ name: 'default-context', context: { cluster: 'default-cluster', user: 'default-auth', namespace: 'default' } }],
    'current-context': 'default-context',
  })
  writeFileWhole(resolvePath(kubeconfig), text, { durable: true })
}
