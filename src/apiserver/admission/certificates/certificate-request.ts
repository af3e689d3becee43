/** The subject's organizations in a PEM (base64 once more, as the API has it) PKCS #10 request; none when it cannot be read. */
export async function organizationsOf(request: string): Promise<string[]> {
  // Loaded on first use: few clusters sign client certificates, and the library is large.
  await import('reflect-metadata')
  const { Pkcs10CertificateRequest } = await import('@peculiar/x509')
  try {
    const { subjectName } = new Pkcs10CertificateRequest(atob(request))
    return subjectName.getField('O')
  } catch {
    return []
  }
}
