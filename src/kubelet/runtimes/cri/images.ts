import type { Clock } from '../../../base/clock.js'
import { messageOf } from '../../../base/errors.js'
import type { Pod } from '../../../api/types/core-v1.js'
import { RuntimeError } from '../../runtime.js'
import type { AuthConfig, CriImage, PodSandboxConfig } from './api/types.js'
import { type Credential, credentialsFor } from './credentials.js'
import { type ImageName, parseImageName } from './image-name.js'
import type { AnyContainer } from './names.js'

/**
 * Sees to it that a container's image is on the node, by its pull policy; pulls one after another (upstream's serializeImagePulls).
 * Failures are RuntimeErrors: InvalidImageName, ErrImageNeverPull, ErrImagePull.
 */
export interface ImageService {
  imageStatus(image: string): Promise<CriImage | undefined>
  pullImage(image: string, auth: AuthConfig | undefined, sandboxConfig: PodSandboxConfig): Promise<string>
}

export interface ImagesOptions {
  readonly clock: Clock
  readonly service: ImageService
  /** Credentials of a pod's imagePullSecrets. */
  pullSecrets?(pod: Pod): Promise<readonly Credential[]>
  /** --serialize-image-pulls */
  readonly serialize?: boolean
}

export interface EnsuredImage {
  readonly image: CriImage
  /** What to say of it: upstream's event. */
  readonly message: string
}

export class Images {
  readonly #options: ImagesOptions
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: ImagesOptions) {
    this.#options = options
  }

  async ensure(
    pod: Pod,
    container: AnyContainer,
    sandbox: PodSandboxConfig,
    tell: (reason: string, message: string, warning: boolean) => void,
  ): Promise<EnsuredImage> {
    const { service } = this.#options
    const { image: asked = '' } = container
    const name = this.#nameOf(asked, tell)
    const policy = container.imagePullPolicy ?? (name.full.endsWith(':latest') ? 'Always' : 'IfNotPresent')
    const present = policy === 'Always' ? undefined : await service.imageStatus(name.full)
    if (present) return { image: present, message: `Container image "${asked}" already present on machine` }
    if (policy === 'Never') {
      const message = `Container image "${asked}" is not present with pull policy of Never`
      tell('ErrImageNeverPull', message, true)
      throw new RuntimeError('ErrImageNeverPull', message)
    }
    return this.#pull(pod, asked, name, sandbox, tell)
  }

  #nameOf(asked: string, tell: (reason: string, message: string, warning: boolean) => void): ImageName {
    try {
      return parseImageName(asked)
    } catch (error) {
      tell('InspectFailed', messageOf(error), true)
      throw error
    }
  }

  async #pull(
    pod: Pod,
    asked: string,
    name: ImageName,
    sandbox: PodSandboxConfig,
    tell: (reason: string, message: string, warning: boolean) => void,
  ): Promise<EnsuredImage> {
    const { clock, service, pullSecrets, serialize = true } = this.#options
    tell('Pulling', `Pulling image "${asked}"`, false)
    const askedMs = clock.monotonic()
    const credentials = credentialsFor(name, (await pullSecrets?.(pod)) ?? [])
    let beganMs = askedMs
    const pull = async () => {
      beganMs = clock.monotonic()
      const ref = await this.#tryEach(name, credentials, sandbox)
      return (await service.imageStatus(name.full)) ?? (await service.imageStatus(ref))
    }
    const turn = serialize ? this.#turn.then(pull, pull) : pull()
    this.#turn = turn.catch(() => undefined)
    const image = await turn.catch((error: unknown) => {
      throw new RuntimeError('ErrImagePull', messageOf(error), { cause: error })
    })
    if (!image) throw new RuntimeError('ErrImagePull', `image "${asked}" is not there although it was pulled`)
    const took = seconds(clock.monotonic() - beganMs)
    const waited = seconds(clock.monotonic() - askedMs)
    const message = `Successfully pulled image "${asked}" in ${took} (${waited} including waiting). Image size: ${image.size ?? 0} bytes.`
    return { image, message }
  }

  /** With each of the credentials that fit, without any when there are none: the last failure counts. */
  async #tryEach(name: ImageName, credentials: readonly AuthConfig[], sandbox: PodSandboxConfig): Promise<string> {
    const { service } = this.#options
    let failure: unknown
    for (const auth of credentials.length > 0 ? credentials : [undefined]) {
      try {
        return await service.pullImage(name.full, auth, sandbox)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }
}

/** As Go prints a duration that was truncated to milliseconds. */
function seconds(ms: number): string {
  return ms < 1000 ? `${Math.floor(ms)}ms` : `${Math.floor(ms) / 1000}s`
}
