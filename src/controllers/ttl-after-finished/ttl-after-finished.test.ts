import { afterEach, describe, expect, it } from 'vitest'
import type { Job } from '../../api/types/batch-v1.js'
import { timestamp } from '../../base/clock.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { ttlAfterFinishedController } from './ttl-after-finished.js'

describe('ttl-after-finished-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  it('deletes a finished Job when its time is up, with its pods before it', async () => {
    const clock = new VirtualClock()
    running = await runTestControllers({ controllers: [ttlAfterFinishedController()], clock })
    const { client, settled } = running
    const jobs = client.resource<Job>(resources.jobs)
    const template = { spec: { containers: [{ name: 'c', image: 'one' }], restartPolicy: 'Never' } }
    const make = async (name: string, ttlSecondsAfterFinished?: number) =>
      jobs.create({ metadata: { name, namespace: 'default' }, spec: { template, ttlSecondsAfterFinished } } as Job)
    const finish = (job: Job) =>
      jobs.updateStatus({
        ...job,
        status: {
          startTime: timestamp(clock.now()),
          completionTime: timestamp(clock.now()),
          conditions: ['SuccessCriteriaMet', 'Complete'].map((type) => ({
            type,
            status: 'True',
            lastTransitionTime: timestamp(clock.now()),
          })),
        },
      })
    await finish(await make('soon', 10))
    await finish(await make('never'))
    await make('running', 0)
    await settled()
    await clock.advance(9_000)
    await settled()
    expect((await jobs.get('default', 'soon')).metadata.deletionTimestamp).toBeUndefined()
    await clock.advance(1_000)
    await settled()
    // Foreground: the garbage collector takes it from here.
    const soon = await jobs.get('default', 'soon')
    expect(soon.metadata.deletionTimestamp).toBeDefined()
    expect(soon.metadata.finalizers).toEqual(['foregroundDeletion'])
    for (const name of ['never', 'running']) expect((await jobs.get('default', name)).metadata.deletionTimestamp).toBeUndefined()
  })
})
