/** Names that the controller, a driver's attacher and the kubelet agree on. */
const encoder = new TextEncoder()

/** Of the VolumeAttachment of a CSI volume on a node. */
export async function attachmentName(volumeHandle: string, driver: string, nodeName: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', encoder.encode(volumeHandle + driver + nodeName))
  return `csi-${[...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** Of a CSI volume in a node's status: volumesAttached, volumesInUse. */
export function uniqueVolumeName(driver: string, volumeHandle: string): string {
  return `kubernetes.io/csi/${driver}^${volumeHandle}`
}
