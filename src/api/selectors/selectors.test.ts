import { describe, expect, it } from 'vitest'
import { StatusError } from '../status.js'
import { parseFieldSelector } from './field.js'
import { labelSelectorOf, parseLabelSelector } from './label.js'

describe('label selector text', () => {
  const web = { app: 'web', tier: 'front', 'example.com/size': '12' }
  it.each([
    ['app=web', true],
    ['app==web,tier!=back', true],
    ['app in (api, web),tier', true],
    ['!legacy', true],
    ['app notin (web)', false],
    ['missing notin (x)', true],
    ['example.com/size>11', true],
    ['example.com/size < 12', false],
    ['app=', false],
    ['constructor', false],
    ['', true],
  ])('%s matches: %s', (text, matches) => {
    expect(parseLabelSelector(text).matches(web)).toBe(matches)
  })

  it.each(['app in web', 'app=(x)', 'a b', '=x', 'app in (x', '-bad-=x', 'a>x', 'app@x'])('refuses %s with BadRequest', (text) => {
    expect(() => parseLabelSelector(text)).toThrow(StatusError)
  })

  it('gives equal selectors one spelling', () => {
    expect(parseLabelSelector('b in (y,x), a==1').text).toBe(parseLabelSelector('a=1,b in (x,y)').text)
  })
})

describe('LabelSelector object', () => {
  it('selects nothing when absent and everything when empty', () => {
    expect(labelSelectorOf(undefined).matches({})).toBe(false)
    expect(labelSelectorOf({}).matches({ a: 'b' })).toBe(true)
  })

  it('needs every label and every expression', () => {
    const selector = labelSelectorOf({
      matchLabels: { a: '1' },
      matchExpressions: [
        { key: 'b', operator: 'In', values: ['x', 'y'] },
        { key: 'c', operator: 'DoesNotExist' },
      ],
    })
    expect(selector.matches({ a: '1', b: 'y' })).toBe(true)
    expect(selector.matches({ a: '1', b: 'y', c: '' })).toBe(false)
    expect(selector.matches({ a: '1' })).toBe(false)
  })
})

describe('field selector text', () => {
  it('reads equality, inequality and escapes', () => {
    expect(parseFieldSelector('spec.nodeName=a\\,b,status.phase!=Running')).toEqual([
      { field: 'spec.nodeName', value: 'a,b', equal: true },
      { field: 'status.phase', value: 'Running', equal: false },
    ])
  })
  it.each(['spec.nodeName', 'a=\\x'])('refuses %s', (text) => {
    expect(() => parseFieldSelector(text)).toThrow(StatusError)
  })
})
