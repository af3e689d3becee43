/**
 * The places that a frontend's endpoints have in the map that the dice is looked up in. An endpoint that stays keeps its place where
 * it can: taking one of a thousand away changes two places, not all behind it.
 */
export function slotsOf(shown: readonly string[], wanted: readonly string[]): readonly string[] {
  if (shown.length === wanted.length && wanted.every((address, slot) => shown[slot] === address)) return shown
  const missing = new Set(wanted)
  const slots: (string | undefined)[] = wanted.map((_, slot) => {
    const address = shown[slot]
    return address !== undefined && missing.delete(address) ? address : undefined
  })
  const rest = missing.values()
  return slots.map((address) => address ?? (rest.next().value as string))
}
