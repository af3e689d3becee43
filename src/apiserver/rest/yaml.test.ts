import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readYaml, writeYaml } from './yaml.js'

const read = (text: string) => readYaml(text, [])

describe('YAML as Kubernetes reads it', () => {
  it.each<[string, unknown]>([
    ['a: yes\nb: off\nc: "yes"', { a: true, b: false, c: 'yes' }],
    ['a: 0644\nb: 0x10\nc: 1_000', { a: 420, b: 16, c: 1000 }],
    ['a: 2001-12-14\nb: 12:30:45\nc: 2001-12-14T21:59:43Z', { a: '2001-12-14', b: '12:30:45', c: '2001-12-14T21:59:43Z' }],
    ['a: &x {k: v}\nb: {<<: *x, l: w}', { a: { k: 'v' }, b: { k: 'v', l: 'w' } }],
    ['---\n# first\na: 1\n---\na: 2', { a: 1 }],
    ['a: ~\nb:\nc: null', { a: null, b: null, c: null }],
    ['a: 1.5\nb: 1e3\nc: .5', { a: 1.5, b: 1000, c: 0.5 }],
  ])('%j', (text, value) => expect(read(text)).toEqual(value))

  it('members that are there twice are told of, the last counts', () => {
    const twice: string[] = []
    expect(readYaml('a: 1\na: 2', twice)).toEqual({ a: 2 })
    expect(twice).toHaveLength(1)
  })
  it('refuses what is no YAML, and aliases that multiply', () => {
    expect(() => read('a: [')).toThrow()
    const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
    for (let i = 1; i < 9; i++)
      bomb.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(',')}]`,
      )
    expect(() => read(bomb.join('\n'))).toThrow(/alias/i)
  })
})

const fixtures = join(process.env['QUORATE_REFERENCE'] ?? '', 'fixtures')
const names = existsSync(fixtures) ? readdirSync(fixtures).filter((file) => file.endsWith('.yaml')) : []

describe.skipIf(names.length === 0)('objects as the real API server spells them in YAML (needs QUORATE_REFERENCE)', () => {
  it.each(names)('%s is read and written byte for byte', (name) => {
    const text = readFileSync(join(fixtures, name), 'utf8')
    const object: unknown = JSON.parse(readFileSync(join(fixtures, name.replace(/yaml$/, 'json')), 'utf8'))
    expect(read(text)).toEqual(object)
    expect(writeYaml(object)).toBe(text)
  })
})
