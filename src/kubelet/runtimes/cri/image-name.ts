import { RuntimeError } from '../../runtime.js'

/** Names of images (distribution's reference grammar). Pure. */
export interface ImageName {
  /** With its tag or digest; "latest" where neither is given. */
  readonly full: string
  /** The registry's host: docker.io when none is named. */
  readonly registry: string
  /** Registry and repository, as credentials are matched. */
  readonly repository: string
}

const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
const host =
  '(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?'
const reference = new RegExp(
  `^((?:${host}/)?${component}(?:/${component})*)(?::([\\w][\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*:[0-9a-fA-F]{32,}))?$`,
)

/** Throws RuntimeError InvalidImageName. */
export function parseImageName(image: string): ImageName {
  const match = reference.exec(image)
  if (!match) {
    const why =
      image !== image.toLowerCase() && reference.test(image.toLowerCase())
        ? 'repository name must be lowercase'
        : 'invalid reference format'
    throw new RuntimeError('InvalidImageName', `Failed to apply default image tag "${image}": couldn't parse image name "${image}": ${why}`)
  }
  const [, name = '', tag, digest] = match
  const first = name.slice(0, Math.max(name.indexOf('/'), 0))
  const named = first !== '' && (/[.:[]/.test(first) || first === 'localhost')
  const path = named ? name.slice(first.length + 1) : name
  const registry = named ? first : 'docker.io'
  return {
    full: tag === undefined && digest === undefined ? `${image}:latest` : image,
    registry,
    repository: `${registry}/${named || path.includes('/') ? path : `library/${path}`}`,
  }
}
