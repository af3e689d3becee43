/** Images that are components of this package: the kubelet runs them without a container runtime. */
import { kubernetesVersion } from '../version.js'

export function nativeImage(component: string): string {
  return `quorate/${component}:${kubernetesVersion}`
}
