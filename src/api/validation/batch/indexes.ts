/** "1,3-5": the notation of sets of indexes in Jobs (KEP-2214). */

/** How many there are; undefined when the text is not one: ascending, none twice, below `completions`. */
export function countIndexes(text: string, completions: number): number | undefined {
  if (text === '') return 0
  let last = -1
  let count = 0
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part)
    if (!match) return undefined
    const first = Number(match[1])
    const end = match[2] === undefined ? first : Number(match[2])
    if (first <= last || (match[2] !== undefined && end <= first) || end >= completions) return undefined
    count += end - first + 1
    last = end
  }
  return count
}
