/** Names that a real runtime would make up: full image names, ids of containers and images. Pure: the same input, the same name. */

/** "nginx" → "docker.io/library/nginx:latest", as containerd shows it. */
export function fullImageName(image: string): string {
  const slash = image.indexOf('/')
  const host = slash < 0 ? '' : image.slice(0, slash)
  const hasHost = host.includes('.') || host.includes(':') || host === 'localhost'
  const named = hasHost ? image : `docker.io/${slash < 0 ? 'library/' : ''}${image}`
  const last = named.slice(named.lastIndexOf('/') + 1)
  return last.includes(':') || last.includes('@') ? named : `${named}:latest`
}

/** "docker.io/library/nginx@sha256:…". */
export function imageIdOf(fullName: string): string {
  const at = fullName.indexOf('@')
  if (at >= 0) return fullName
  const slash = fullName.lastIndexOf('/')
  const colon = fullName.indexOf(':', slash)
  return `${colon < 0 ? fullName : fullName.slice(0, colon)}@sha256:${digest(fullName)}`
}

/** 64 hexadecimal digits that stand for `text`. No cryptography: it only has to look different for different texts. */
export function digest(text: string): string {
  let out = ''
  for (let part = 0; part < 8; part++) {
    let hash = (0x811c9dc5 ^ Math.imul(part + 1, 0x9e3779b1)) >>> 0
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    out += ((hash ^ (hash >>> 16)) >>> 0).toString(16).padStart(8, '0')
  }
  return out
}
