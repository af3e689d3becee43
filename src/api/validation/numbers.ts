/** Numbers that may be percentages (util/intstr). */
import type { Faults } from './faults.js'

export type IntOrPercent = number | string | undefined

const percent = /^\d+%$/

export function intOrPercentFaults(faults: Faults, path: string, value: IntOrPercent): void {
  if (value === undefined) return
  if (typeof value === 'number') faults.nonNegative(path, value)
  else if (!percent.test(value)) faults.invalid(path, value, "must be an integer or percentage (e.g '5%%')")
}

export function atMostAll(faults: Faults, path: string, value: IntOrPercent): void {
  if (typeof value === 'string' && percent.test(value) && Number.parseInt(value, 10) > 100)
    faults.invalid(path, value, 'must not be greater than 100%')
}

/** The number, or that of the percents; 0 for what is neither. */
export function intOrPercentValue(value: IntOrPercent): number {
  if (typeof value === 'number') return value
  return value !== undefined && percent.test(value) ? Number.parseInt(value, 10) : 0
}
