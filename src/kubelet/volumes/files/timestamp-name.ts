/** "..2026_11_25_06_56_40": how a version of a volume's files is named, as upstream does. */
export function timestampName(nowMs: number): string {
  return `..${new Date(nowMs).toISOString().slice(0, 19).replace(/[-T:]/g, '_')}`
}
