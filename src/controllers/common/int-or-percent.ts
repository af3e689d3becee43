/** "25%" of `total` (rounded up or down), or the number itself. Anything else counts as 0. */
export function scaledValue(value: number | string | undefined, total: number, round: 'up' | 'down'): number {
  if (typeof value === 'number') return value
  const percent = /^(\d+)%$/.exec(value ?? '')
  if (!percent) return 0
  const exact = (Number(percent[1]) * total) / 100
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact)
}
