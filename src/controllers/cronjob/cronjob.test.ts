import { afterEach, describe, expect, it } from 'vitest'
import type { CronJob, Job } from '../../api/types/batch-v1.js'
import { timestamp } from '../../base/clock.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { cronJobController } from './cronjob.js'

const minute = 60_000

describe('cronjob-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  async function start(spec: Partial<CronJob['spec']>) {
    const clock = new VirtualClock(Date.UTC(2026, 0, 1, 0, 0, 30))
    const made = await runTestControllers({ controllers: [cronJobController()], clock })
    running = made
    const cronJobs = made.client.resource<CronJob>(resources.cronJobs)
    const jobs = made.client.resource<Job>(resources.jobs)
    const template = { spec: { containers: [{ name: 'c', image: 'one' }], restartPolicy: 'Never' } }
    await cronJobs.create({
      metadata: { name: 'c', namespace: 'default' },
      spec: { schedule: '* * * * *', jobTemplate: { spec: { template } }, ...spec },
    } as CronJob)
    await made.settled()
    const list = async () => (await made.list<Job>(resources.jobs, 'default')).map((job) => job.metadata.name ?? '').sort()
    return {
      ...made,
      clock,
      cronJobs,
      jobs,
      list,
      read: () => cronJobs.get('default', 'c'),
      async pass(ms: number) {
        await clock.advance(ms)
        await made.settled()
      },
      async finish(name: string, type: 'Complete' | 'Failed') {
        const job = await jobs.get('default', name)
        const now = timestamp(clock.now())
        const before = type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget'
        const condition = (kind: string) => ({ type: kind, status: 'True', lastTransitionTime: now })
        await jobs.updateStatus({
          ...job,
          status: {
            startTime: now,
            conditions: [condition(before), condition(type)],
            ...(type === 'Complete' ? { completionTime: now } : {}),
          },
        })
        await made.settled()
      },
    }
  }
  const name = (minutes: number) => `c-${Date.UTC(2026, 0, 1) / minute + minutes}`

  it('makes a Job at each time and keeps those that run in status.active', async () => {
    const { pass, list, read, finish, clock } = await start({})
    await pass(29_000)
    expect(await list()).toEqual([])
    await pass(2_000)
    expect(await list()).toEqual([name(1)])
    expect((await read()).status).toMatchObject({ active: [{ kind: 'Job', name: name(1) }], lastScheduleTime: '2026-01-01T00:01:00Z' })
    await pass(minute)
    expect((await read()).status?.active?.map((each) => each.name)).toEqual([name(1), name(2)])
    await finish(name(1), 'Complete')
    const { status } = await read()
    expect(status?.active?.map((each) => each.name)).toEqual([name(2)])
    expect(status?.lastSuccessfulTime).toBe(timestamp(clock.now()))
  })

  it('Forbid lets no second Job run beside the first', async () => {
    const { pass, list, finish } = await start({ concurrencyPolicy: 'Forbid' })
    await pass(2 * minute)
    expect(await list()).toEqual([name(1)])
    await finish(name(1), 'Complete')
    // The missed time is made up for as soon as there is room.
    expect(await list()).toEqual([name(1), name(2)])
  })

  it('Replace deletes the Job that runs', async () => {
    const { pass, list, read } = await start({ concurrencyPolicy: 'Replace' })
    await pass(minute)
    await pass(minute)
    expect(await list()).toEqual([name(2)])
    expect((await read()).status?.active?.map((each) => each.name)).toEqual([name(2)])
  })

  it('suspended makes none, and after resuming only the latest missed one', async () => {
    const { pass, list, cronJobs } = await start({ suspend: true })
    await pass(10 * minute)
    expect(await list()).toEqual([])
    await cronJobs.patch('default', 'c', { type: 'merge', body: { spec: { suspend: false } } })
    await pass(0)
    expect(await list()).toEqual([name(10)])
  })

  it('keeps to the history limits', async () => {
    const { pass, list, finish } = await start({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 })
    for (let i = 1; i <= 3; i++) {
      await pass(minute)
      await finish(name(i), i === 3 ? 'Failed' : 'Complete')
    }
    expect(await list()).toEqual([name(2)])
  })

  it('a changed schedule begins with its next time', async () => {
    const { pass, list, cronJobs } = await start({ schedule: '0 0 1 6 *' })
    await pass(5 * minute)
    await cronJobs.patch('default', 'c', { type: 'merge', body: { spec: { schedule: '*/2 * * * *' } } })
    await pass(0)
    expect(await list()).toEqual([])
    await pass(minute)
    expect(await list()).toEqual([name(6)])
  })

  it('does nothing with a schedule it cannot read but say so', async () => {
    const { list, pass } = await start({ schedule: '0 0 31 2 *' })
    await pass(minute)
    expect(await list()).toEqual([])
  })
})
