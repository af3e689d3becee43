import { afterEach, describe, expect, it } from 'vitest'
import type { Job, JobSpec } from '../../api/types/batch-v1.js'
import type { Pod } from '../../api/types/core-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { defaultServiceAccount, play, type Play } from '../testdata/pods.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { jobController } from './job.js'

const indexLabel = 'batch.kubernetes.io/job-completion-index'

describe('job-controller', () => {
  let running: TestControllers | undefined
  afterEach(() => running?.stop())

  async function start(spec: Partial<JobSpec>) {
    const clock = new VirtualClock()
    const made = await runTestControllers({ controllers: [jobController()], clock, prepare: defaultServiceAccount })
    running = made
    const jobs = made.client.resource<Job>(resources.jobs)
    const podSpec = { containers: [{ name: 'c', image: 'one' }], restartPolicy: 'Never', terminationGracePeriodSeconds: 0, nodeName: 'n' }
    const template = { spec: podSpec }
    await jobs.create({ metadata: { name: 'j', namespace: 'default' }, spec: { template, ...spec } } as Job)
    const pods = () => made.list<Pod>(resources.pods, 'default')
    const running_ = async () => (await pods()).filter((pod) => pod.status?.phase === 'Pending' || pod.status?.phase === 'Running')
    await made.settled()
    return {
      ...made,
      jobs,
      clock,
      pods,
      running: running_,
      status: async () => (await jobs.get('default', 'j')).status ?? {},
      /** "Type Reason", of those that say True. */
      conditions: async () =>
        ((await jobs.get('default', 'j')).status?.conditions ?? [])
          .filter((each) => each.status === 'True')
          .map((each) => `${each.type} ${each.reason}`),
      async patch(change: object) {
        await jobs.patch('default', 'j', { type: 'merge', body: { spec: change } })
        await made.settled()
      },
      /** Sets the status of so many pods that have not ended (of these indexes). */
      async play(what: Play, count: number, indexes?: string[], exitCode?: number) {
        const chosen = (await running_()).filter((pod) => !indexes || indexes.includes(pod.metadata.labels?.[indexLabel] ?? ''))
        expect(chosen.length).toBeGreaterThanOrEqual(count)
        await play(made.client, clock, chosen.slice(0, count), what, exitCode)
        await made.settled()
      },
      async pass(ms: number) {
        await clock.advance(ms)
        await made.settled()
      },
    }
  }

  it('runs parallelism pods until completions have succeeded', async () => {
    const job = await start({ completions: 5, parallelism: 2 })
    expect(await job.status()).toMatchObject({ active: 2, ready: 0, terminating: 0 })
    await job.play('succeeded', 1)
    expect(await job.status()).toMatchObject({ active: 2, succeeded: 1 })
    await job.patch({ parallelism: 4 })
    expect(await job.status()).toMatchObject({ active: 4 })
    await job.play('succeeded', 4)
    const status = await job.status()
    expect(status).toMatchObject({ succeeded: 5, uncountedTerminatedPods: {} })
    expect(status.active).toBeUndefined()
    expect(status.completionTime).toBeDefined()
    expect(await job.conditions()).toEqual(['SuccessCriteriaMet CompletionsReached', 'Complete CompletionsReached'])
    expect((await job.pods()).map((pod) => pod.metadata.finalizers ?? [])).toEqual([[], [], [], [], []])
  })

  it('as a work queue completes when the last pod has ended', async () => {
    const job = await start({ parallelism: 3 })
    await job.play('succeeded', 1)
    expect(await job.status()).toMatchObject({ active: 2, succeeded: 1 })
    await job.play('succeeded', 2)
    expect(await job.conditions()).toContain('Complete CompletionsReached')
  })

  it('gives each index a pod, and follows completions up and down', async () => {
    const job = await start({ completionMode: 'Indexed', completions: 2, parallelism: 2 })
    await job.patch({ completions: 4, parallelism: 4 })
    const indexes = async () => (await job.running()).map((pod) => pod.metadata.labels?.[indexLabel]).sort()
    expect(await indexes()).toEqual(['0', '1', '2', '3'])
    await job.play('succeeded', 2, ['0', '3'])
    expect(await job.status()).toMatchObject({ completedIndexes: '0,3', succeeded: 2 })
    await job.patch({ completions: 2, parallelism: 2 })
    expect(await indexes()).toEqual(['1'])
    await job.play('succeeded', 1, ['1'])
    expect(await job.status()).toMatchObject({ completedIndexes: '0,1', succeeded: 2 })
    expect(await job.conditions()).toContain('Complete CompletionsReached')
  })

  it('retries with backoff, and fails beyond backoffLimit, ending what runs', async () => {
    const job = await start({ completions: 2, parallelism: 2, backoffLimit: 1 })
    await job.play('failed', 1)
    expect(await job.status()).toMatchObject({ failed: 1 })
    await job.pass(9_000)
    expect(await job.running()).toHaveLength(1)
    await job.pass(2_000)
    expect(await job.running()).toHaveLength(2)
    await job.play('failed', 1)
    expect(await job.conditions()).toEqual(['FailureTarget BackoffLimitExceeded', 'Failed BackoffLimitExceeded'])
    expect(await job.running()).toEqual([])
    const status = await job.status()
    expect(status.active).toBeUndefined()
    expect(status.failed).toBe(3)
  })

  it('fails by the pod failure policy, and does not count what it ignores', async () => {
    const rules = [
      { action: 'Ignore', onExitCodes: { operator: 'In', values: [9] } },
      { action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } },
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] },
    ]
    const job = await start({ completions: 1, backoffLimit: 0, podFailurePolicy: { rules } } as Partial<JobSpec>)
    const { spec } = await job.jobs.get('default', 'j')
    expect(spec?.podFailurePolicy?.rules[2]?.onPodConditions).toEqual([{ type: 'DisruptionTarget', status: 'True' }])
    await job.play('failed', 1, undefined, 9)
    expect(await job.conditions()).toEqual([])
    await job.pass(11_000)
    await job.play('failed', 1, undefined, 42)
    expect(await job.conditions()).toEqual(['FailureTarget PodFailurePolicy', 'Failed PodFailurePolicy'])
    expect((await job.status()).failed).toBe(1)
  })

  it('fails indexes one by one with backoffLimitPerIndex', async () => {
    const job = await start({ completionMode: 'Indexed', completions: 2, parallelism: 2, backoffLimitPerIndex: 1 })
    await job.play('failed', 1, ['0'])
    expect(await job.status()).toMatchObject({ failedIndexes: '' })
    await job.pass(11_000)
    await job.play('failed', 1, ['0'])
    expect(await job.status()).toMatchObject({ failedIndexes: '0', failed: 2, active: 1 })
    await job.play('succeeded', 1, ['1'])
    expect(await job.conditions()).toEqual(['FailureTarget FailedIndexes', 'Failed FailedIndexes'])
    expect(await job.status()).toMatchObject({ failedIndexes: '0', completedIndexes: '1' })
  })

  it('succeeds by the success policy and ends the other pods', async () => {
    const job = await start({
      completionMode: 'Indexed',
      completions: 3,
      parallelism: 3,
      successPolicy: { rules: [{ succeededIndexes: '0' }] },
    })
    await job.play('succeeded', 1, ['0'])
    expect(await job.conditions()).toEqual(['SuccessCriteriaMet SuccessPolicy', 'Complete SuccessPolicy'])
    expect(await job.running()).toEqual([])
    const status = await job.status()
    expect(status).toMatchObject({ succeeded: 1, completedIndexes: '0' })
    expect([status.active, status.failed]).toEqual([undefined, undefined])
  })

  it('waits with the end for pods that take their time to go', async () => {
    const template = { spec: { containers: [{ name: 'c', image: 'one' }], restartPolicy: 'Never', nodeName: 'n' } }
    const job = await start({ completions: 1, activeDeadlineSeconds: 5, template } as Partial<JobSpec>)
    await job.play('ready', 1)
    expect(await job.status()).toMatchObject({ active: 1, ready: 1 })
    await job.pass(5_000)
    expect(await job.conditions()).toEqual(['FailureTarget DeadlineExceeded'])
    expect(await job.status()).toMatchObject({ terminating: 1, ready: 0, failed: 1 })
    await job.play('gone', 1)
    expect(await job.conditions()).toEqual(['FailureTarget DeadlineExceeded', 'Failed DeadlineExceeded'])
    expect(await job.status()).toMatchObject({ terminating: 0, failed: 1 })
  })

  it('suspends and resumes', async () => {
    const job = await start({ completions: 2, parallelism: 2, suspend: true })
    expect(await job.running()).toEqual([])
    expect(await job.conditions()).toEqual(['Suspended JobSuspended'])
    expect((await job.status()).startTime).toBeUndefined()
    await job.patch({ suspend: false })
    expect(await job.running()).toHaveLength(2)
    expect((await job.status()).conditions).toMatchObject([{ type: 'Suspended', status: 'False', reason: 'JobResumed' }])
    expect((await job.status()).startTime).toBeDefined()
    await job.patch({ suspend: true })
    expect(await job.running()).toEqual([])
    expect((await job.status()).failed).toBeUndefined()
  })

  it('with podReplacementPolicy Failed waits for the end of a deleted pod', async () => {
    const template = { spec: { containers: [{ name: 'c', image: 'one' }], restartPolicy: 'Never', nodeName: 'n' } }
    const job = await start({ completions: 1, podReplacementPolicy: 'Failed', template } as Partial<JobSpec>)
    const [pod] = await job.pods()
    await job.client.resource(resources.pods).delete('default', pod?.metadata.name ?? '')
    await job.settled()
    expect(await job.pods()).toHaveLength(1)
    expect(await job.status()).toMatchObject({ terminating: 1 })
    await job.play('failed', 1)
    await job.pass(11_000)
    expect(await job.status()).toMatchObject({ failed: 1, active: 1 })
  })

  it('leaves a Job alone that another controller manages', async () => {
    const job = await start({ managedBy: 'example.com/other' })
    expect(await job.pods()).toEqual([])
    expect((await job.status()).startTime).toBeUndefined()
  })

  it('adopts what matches, and lets go of the pods of a Job that is gone', async () => {
    const job = await start({ completions: 1 })
    const [pod] = await job.pods()
    const podClient = job.client.resource<Pod>(resources.pods)
    const name = pod?.metadata.name ?? ''
    await podClient.patch('default', name, { type: 'merge', body: { metadata: { ownerReferences: null } } })
    await job.settled()
    const adopted = await podClient.get('default', name)
    expect([adopted.metadata.ownerReferences?.[0]?.name, adopted.metadata.finalizers?.length]).toEqual(['j', 1])
    await job.jobs.delete('default', 'j', { propagationPolicy: 'Background' })
    await job.settled()
    expect((await podClient.get('default', name)).metadata.finalizers).toBeUndefined()
  })

  it('counts 600 pods without losing one', { timeout: 60_000 }, async () => {
    const job = await start({ completions: 600, parallelism: 600 })
    await job.pass(2_000)
    await job.pass(2_000)
    expect(await job.status()).toMatchObject({ active: 600 })
    await job.play('succeeded', 600)
    for (let rounds = 0; rounds < 8; rounds++) await job.pass(1_000)
    expect(await job.status()).toMatchObject({ succeeded: 600, uncountedTerminatedPods: {} })
    expect(await job.conditions()).toContain('Complete CompletionsReached')
  })
})
