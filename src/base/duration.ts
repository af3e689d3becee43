const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const pattern = /^[+-]?(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+$/

/** Go's duration text ("1h30m", "250ms", "0") in milliseconds; undefined when it is none. */
export function parseDurationMs(text: string): number | undefined {
  if (text === '0') return 0
  if (!pattern.test(text)) return undefined
  let ms = 0
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) ms += Number(amount) * (units[unit as string] ?? 0)
  return text.startsWith('-') ? -ms : ms
}
