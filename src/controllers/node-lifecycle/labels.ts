import { archLabel, betaArchLabel, betaOsLabel, osLabel } from '../../api/well-known.js'

/** The beta labels of operating system and architecture, which follow the stable ones. Undefined when they do. */
export function labelChange(labels: Readonly<Record<string, string>>): Record<string, string> | undefined {
  const change: Record<string, string> = {}
  for (const [stable, beta] of [
    [osLabel, betaOsLabel],
    [archLabel, betaArchLabel],
  ] as const) {
    const value = labels[stable]
    if (value !== undefined && labels[beta] !== value) change[beta] = value
  }
  return Object.keys(change).length > 0 ? change : undefined
}
