import { describe, expect, it } from 'vitest'
import { addAmounts, amountOf, compareAmounts, formatAmount, parseAmount, subtractAmounts } from './amount.js'

describe('amounts', () => {
  it.each([
    ['0', '0'],
    ['1', '1'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['0.5', '500m'],
    ['1024Ki', '1Mi'],
    ['1.5Gi', '1536Mi'],
    ['1000Ki', '1000Ki'],
    ['100Mi', '100Mi'],
    ['1e3', '1e3'],
    ['1000k', '1M'],
    ['0.0000000001', '1n'],
    ['-2', '-2'],
    ['1023', '1023'],
    ['0.5Ki', '512'],
  ])('%s is written %s', (text, canonical) => {
    expect(formatAmount(amountOf(text))).toBe(canonical)
  })

  it('refuse what is no quantity', () => {
    for (const text of ['', 'abc', '1KiB', '--1', '.', 'e3', undefined]) expect(parseAmount(text)).toBeUndefined()
  })

  it('add and compare across formats, keeping the first format', () => {
    expect(formatAmount(addAmounts(amountOf('1Gi'), amountOf('512M')))).toBe('1548576Ki')
    expect(formatAmount(addAmounts(amountOf('0'), amountOf('1Gi')))).toBe('1Gi')
    expect(formatAmount(subtractAmounts(amountOf('2'), amountOf('500m')))).toBe('1500m')
    expect(compareAmounts(amountOf('1'), amountOf('1000m'))).toBe(0)
    expect(compareAmounts(amountOf('1Gi'), amountOf('1G'))).toBe(1)
  })
})
