/** Calls `work` for each item, at most `width` at once. Never rejects: errors come back in the items' order of failing. */
export async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<unknown[]> {
  const errors: unknown[] = []
  let next = 0
  const lane = async () => {
    while (next < items.length) {
      try {
        await work(items[next++] as T)
      } catch (error) {
        errors.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane))
  return errors
}
