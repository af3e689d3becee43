import type { LabelSelector } from '../api/types/meta-v1.js'

/** Whether labels fit a LabelSelector. An empty selector fits everything, none (undefined) fits nothing. Pure. */
export function matchesLabels(selector: LabelSelector | undefined, labels: Readonly<Record<string, string>> | undefined): boolean {
  if (!selector) return false
  const of = (key: string) => (labels && Object.hasOwn(labels, key) ? labels[key] : undefined)
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (of(key) !== value) return false
  return (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = of(key)
    switch (operator) {
      case 'In':
        return value !== undefined && values.includes(value)
      case 'NotIn':
        return value === undefined || !values.includes(value)
      case 'Exists':
        return value !== undefined
      case 'DoesNotExist':
        return value === undefined
      default:
        return false
    }
  })
}
