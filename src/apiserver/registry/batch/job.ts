import type { Job } from '../../../api/types/batch-v1.js'
import type { Strategy } from '../strategy.js'

/** Jobs: unless manualSelector is true, the server writes a selector that matches this Job's own pods alone. */
export const jobStrategy: Strategy<Job> = {
  resource: { group: 'batch', resource: 'jobs' },
  defaultDeletionPolicy: 'Orphan',
  prepareForCreate(job, { random }) {
    if (job.spec && job.spec.manualSelector !== true) writeSelector(job, (job.metadata.uid ??= random.uuid()))
  },
  /** A Job without labels is kept with those of its template, what the server added to them included. */
  async beforeWrite(job, old) {
    const labels = job.spec?.template?.metadata?.labels
    if (!old && labels && Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = { ...labels }
    return undefined
  },
  selectableFields: {
    'status.successful': (job) => String(job.status?.succeeded ?? 0),
  },
}

function writeSelector(job: Job, uid: string): void {
  const spec = job.spec
  // A selector of the user's own with manualSelector unset is validation's to refuse.
  if (!spec?.template) return
  const template = spec.template
  const { name = '' } = job.metadata
  const generated = {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  }
  // Labels of the client's own that say something else stay, for validation to refuse.
  template.metadata = { ...template.metadata, labels: { ...generated, ...template.metadata?.labels } }
  spec.selector = {
    ...spec.selector,
    matchLabels: { 'batch.kubernetes.io/controller-uid': uid, ...spec.selector?.matchLabels },
  }
}
