import type { ImageStore } from '../../garbage/image-gc.js'
import type { CriClient } from './api/client.js'

/** The images of a container runtime, as their garbage collection sees them. */
export interface CriImageStoreOptions {
  readonly client: Pick<CriClient, 'listImages' | 'listContainers' | 'removeImage'>
  fileSystem: ImageStore['fileSystem']
}

export function criImageStore({ client, fileSystem }: CriImageStoreOptions): ImageStore {
  return {
    fileSystem,
    images: async () => (await client.listImages()).map(({ id, size = 0, pinned = false }) => ({ id, sizeBytes: size, pinned })),
    async inUse() {
      const [containers, images] = await Promise.all([client.listContainers(), client.listImages()])
      // A container says what it was made of in one way or another: by id, by digest or by name.
      const ids = new Map(
        images.flatMap(({ id, repoTags = [], repoDigests = [] }) => [id, ...repoTags, ...repoDigests].map((name) => [name, id])),
      )
      const used = containers.flatMap(({ image, imageRef }) => [image?.image, imageRef])
      return new Set(used.flatMap((name) => (name === undefined ? [] : (ids.get(name) ?? name))))
    },
    remove: (id) => client.removeImage(id),
  }
}
