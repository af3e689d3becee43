const sizeMax = 500

/**
 * Runs `count` calls in batches of 1, 2, 4 ... and stops after the first batch in which one failed, so that a refusal that
 * would meet every call (a quota, a bad template) costs few requests. No batch is larger than 500 (upstream's MaxBatchSize).
 * Returns how many succeeded and the first error.
 */
export async function slowStartBatch(
  count: number,
  call: (index: number) => Promise<void>,
): Promise<{ succeeded: number; error?: unknown }> {
  let succeeded = 0
  let next = 0
  for (let size = 1; next < count; size = Math.min(2 * size, sizeMax)) {
    const batch = Array.from({ length: Math.min(size, count - next) }, (_, i) => call(next + i))
    next += batch.length
    const results = await Promise.allSettled(batch)
    const failed = results.find((result) => result.status === 'rejected')
    succeeded += results.filter((result) => result.status === 'fulfilled').length
    if (failed) return { succeeded, error: failed.reason }
  }
  return { succeeded }
}
