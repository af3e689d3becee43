/** The Kubernetes release whose API this package serves. */
export const kubernetesVersion = 'v1.36.0'
export const packageVersion = process.env.QUORATE_VERSION ?? '0.0.0-dev'
/** What /version and nodes say: the release, and that it is ours. */
export const gitVersion = `${kubernetesVersion}+quorate.${packageVersion}`
export const platformName = `${process.platform === 'win32' ? 'windows' : process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`
