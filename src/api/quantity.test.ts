import { describe, expect, it } from 'vitest'
import { canonicalQuantity, isQuantity, quantityMilliValue, quantityValue } from './quantity.js'

describe('canonicalQuantity', () => {
  it.each([
    ['0.5', '500m'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['1000m', '1'],
    ['100m', '100m'],
    ['1e3', '1e3'],
    ['1000', '1k'],
    ['0', '0'],
    ['1.0', '1'],
    ['512', '512'],
    ['2048Ki', '2Mi'],
    ['0.1m', '100u'],
    ['-1.5', '-1500m'],
  ])('%s → %s', (text, canonical) => expect(canonicalQuantity(text)).toBe(canonical))

  it.each(['', 'abc', '1 Gi', '1GiB', '--1', '1.2.3'])('refuses %j', (text) => {
    expect(isQuantity(text)).toBe(false)
    expect(() => canonicalQuantity(text)).toThrow()
  })
})

it('gives whole numbers and thousandths, rounded up', () => {
  expect(quantityValue('1500m')).toBe(2)
  expect(quantityValue('1Gi')).toBe(1073741824)
  expect(quantityMilliValue('0.25')).toBe(250)
  expect(quantityMilliValue('1u')).toBe(1)
  expect(quantityValue(undefined)).toBe(0)
})
