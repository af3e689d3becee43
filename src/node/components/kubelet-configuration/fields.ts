import type { Taint } from '../../../api/types/core-v1.js'

/**
 * What fields a configuration document has: their types and defaults as data, from which reading, strictness and the TypeScript
 * type follow. Durations are read to milliseconds.
 */
export type Field =
  | { readonly kind: 'text'; readonly default: string; readonly oneOf?: readonly string[] }
  | { readonly kind: 'bool'; readonly default: boolean }
  /** `zero`: 0 is a value of its own and not the default. */
  | { readonly kind: 'number'; readonly default: number; readonly zero?: boolean }
  | { readonly kind: 'duration'; readonly default: string }
  | { readonly kind: 'texts'; readonly default: readonly string[] }
  | { readonly kind: 'map'; readonly default: Readonly<Record<string, string>> }
  | { readonly kind: 'any'; readonly default: unknown }
  | { readonly kind: 'group'; readonly fields: Readonly<Record<string, Field>> }

export const text = (standard = '', ...oneOf: string[]) =>
  ({ kind: 'text', default: standard, ...(oneOf.length > 0 ? { oneOf } : {}) }) as const
export const bool = (standard = false) => ({ kind: 'bool', default: standard }) as const
export const number = (standard = 0) => ({ kind: 'number', default: standard }) as const
export const numberOrZero = (standard: number) => ({ kind: 'number', default: standard, zero: true }) as const
export const duration = (standard = '0s') => ({ kind: 'duration', default: standard }) as const
export const texts = (...standard: string[]) => ({ kind: 'texts', default: standard }) as const
export const map = (standard: Readonly<Record<string, string>> = {}) => ({ kind: 'map', default: standard }) as const
/** Lists of objects and the like, which are passed on as they are. */
export const any = <T>(standard: T) => ({ kind: 'any', default: standard }) as { readonly kind: 'any'; readonly default: T }
export const group = <F extends Readonly<Record<string, Field>>>(fields: F) => ({ kind: 'group', fields }) as const

export type Values<F extends Readonly<Record<string, Field>>> = { readonly [K in keyof F]: Value<F[K]> }

type Value<F extends Field> = F extends { readonly kind: 'group'; readonly fields: infer G extends Readonly<Record<string, Field>> }
  ? Values<G>
  : F extends { readonly kind: 'text' }
    ? string
    : F extends { readonly kind: 'bool' }
      ? boolean
      : F extends { readonly kind: 'number' | 'duration' }
        ? number
        : F extends { readonly kind: 'texts' }
          ? readonly string[]
          : F extends { readonly kind: 'map' }
            ? Readonly<Record<string, string>>
            : F extends { readonly kind: 'any'; readonly default: infer T }
              ? T
              : never

export interface PriorityGracePeriod {
  readonly priority: number
  readonly shutdownGracePeriodSeconds: number
}

export type Taints = readonly Taint[]
