import { describe, expect, it } from 'vitest'
import type { PersistentVolumeClaim } from '../../api/types/core-v1.js'
import { asksForMore } from './volume-expand.js'

describe('a claim that asks for more', () => {
  const claim = (request: string, has: string, phase: 'Bound' | 'Pending' = 'Bound'): PersistentVolumeClaim => ({
    metadata: { name: 'c' },
    spec: { resources: { requests: { storage: request } } },
    status: { phase, capacity: { storage: has } },
  })
  it('is bound and has less', () => {
    expect([asksForMore(claim('2Gi', '1Gi')), asksForMore(claim('1Gi', '1024Mi')), asksForMore(claim('2Gi', '1Gi', 'Pending'))]).toEqual([
      true,
      false,
      false,
    ])
  })
})
