import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../base/logger.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { ImageCollector, type StoredImage } from './image-gc.js'

function setUp(more: { maxAgeMs?: number; availableBytes?: number } = {}) {
  const clock = new VirtualClock()
  const images: StoredImage[] = ['old', 'middle', 'new', 'used'].map((id) => ({ id, sizeBytes: 10, pinned: false }))
  images.push({ id: 'pause', sizeBytes: 10, pinned: true })
  const used = new Set(['old', 'middle', 'new', 'used'])
  const disk = { capacityBytes: 100, availableBytes: more.availableBytes ?? 10 }
  const faults: string[] = []
  const collector = new ImageCollector({
    ...{ clock, logger: silentLogger, highPercent: 85, lowPercent: 80, minAgeMs: 120_000, maxAgeMs: more.maxAgeMs ?? 0 },
    onFault: (_reason, message) => faults.push(message),
    store: {
      images: () => Promise.resolve([...images]),
      inUse: () => Promise.resolve(new Set(used)),
      fileSystem: () => Promise.resolve(disk),
      remove: (id) => {
        images.splice(
          images.findIndex((image) => image.id === id),
          1,
        )
        disk.availableBytes += 10
        return Promise.resolve()
      },
    },
  })
  return { clock, collector, used, disk, faults, ids: () => images.map(({ id }) => id) }
}

describe('image garbage collection', () => {
  it('above the high threshold removes what is unused for longest, down to the low one', async () => {
    const { clock, collector, used, disk, ids } = setUp()
    disk.availableBytes = 90
    await collector.collect()
    await clock.advance(200_000)
    used.delete('old')
    await collector.collect()
    await clock.advance(1_000)
    used.delete('middle')
    await collector.collect()
    used.delete('new')
    disk.availableBytes = 10
    await collector.collect()
    expect(ids()).toEqual(['middle', 'new', 'used', 'pause'])
  })

  it('leaves young, used and pinned images alone and says that it could not free enough', async () => {
    const { clock, collector, used, faults, ids } = setUp({ availableBytes: 0 })
    used.clear()
    used.add('used')
    await collector.collect()
    expect(ids()).toHaveLength(5)
    await clock.advance(120_000)
    await collector.collect()
    expect(ids()).toEqual(['new', 'used', 'pause'])
    used.add('new')
    expect(faults).toEqual([
      'Failed to garbage collect required amount of images. Attempted to free 20 bytes, but only found 0 bytes eligible to free.',
    ])
  })

  it('removes what has not been used for the maximum age, however much is free (KEP-4210)', async () => {
    const { clock, collector, used, ids } = setUp({ maxAgeMs: 1_000_000, availableBytes: 90 })
    await collector.collect()
    used.delete('old')
    await clock.advance(900_000)
    await collector.collect()
    expect(ids()).toContain('old')
    await clock.advance(200_000)
    await collector.collect()
    expect(ids()).toEqual(['middle', 'new', 'used', 'pause'])
  })
})
