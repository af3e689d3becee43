import { describe, expect, it } from 'vitest'
import { type CorefileOptions, type Directive, parseCorefile } from './corefile.js'

const options = (text: string, more: Partial<CorefileOptions> = {}): CorefileOptions => ({
  file: 'Corefile',
  text,
  environment: () => undefined,
  port: 53,
  readFiles: () => [],
  ...more,
})
const parse = (text: string, more?: Partial<CorefileOptions>) => parseCorefile(options(text, more))
const plain = ({ name, args, block }: Directive): unknown => [name, ...args, ...(block ? [block.map(plain)] : [])]

describe('server blocks', () => {
  it('have zones, schemes and ports; the default port where none is written', () => {
    const [block] = parse('dns://Example.ORG:1053, other.net {\n errors\n}', { port: 5300 })
    expect(block?.keys).toEqual([
      { zone: 'example.org.', port: 1053 },
      { zone: 'other.net.', port: 5300 },
    ])
    expect(block?.directives.map(plain)).toEqual([['errors']])
  })

  it('may have keys on several lines when a comma says so', () => {
    expect(parse('a.test,\nb.test:54 {\n}').flatMap(({ keys }) => keys.map(({ zone, port }) => `${zone}${port}`))).toEqual([
      'a.test.53',
      'b.test.54',
    ])
  })

  it('stand for the reverse zones of a network, also one that ends within a byte', () => {
    const zones = (text: string) => parse(`${text} {\n}`).flatMap(({ keys }) => keys.map(({ zone }) => zone))
    expect(zones('10.0.0.0/24')).toEqual(['0.0.10.in-addr.arpa.'])
    expect(zones('10.0.0.0/23:1053')).toEqual(['0.0.10.in-addr.arpa.', '1.0.10.in-addr.arpa.'])
    expect(zones('fd00:10::/32')).toEqual(['0.1.0.0.0.0.d.f.ip6.arpa.'])
  })

  it('need no braces when the file has one', () => {
    const [block] = parse('.\nerrors\nforward . 10.0.0.1')
    expect(block?.directives.map(plain)).toEqual([['errors'], ['forward', '.', '10.0.0.1']])
  })
})

describe('words', () => {
  it('are joined by quotes, cut off by comments, kept with backslashes', () => {
    const [block] = parse('. { # the root\n template "a b" c#d \\d+ "say \\"x\\" {" # gone\n}')
    expect(block?.directives.map(plain)).toEqual([['template', 'a b', 'c#d', '\\d+', 'say "x" {']])
  })

  it('take variables of the environment, and nothing where one is not set', () => {
    const environment = (name: string) => ({ ZONE: 'x.test', PORT: '99' })[name]
    const [block] = parse('{$ZONE}:{%PORT%} {\n log a{$NONE}b\n}', { environment })
    expect(block?.keys).toEqual([{ zone: 'x.test.', port: 99 }])
    expect(block?.directives.map(plain)).toEqual([['log', 'ab']])
  })

  it('nest in braces', () => {
    const [block] = parse('. {\n rewrite stop {\n name suffix a b\n }\n kubernetes c.local {\n pods insecure\n }\n}')
    expect(block?.directives.map(plain)).toEqual([
      ['rewrite', 'stop', [['name', 'suffix', 'a', 'b']]],
      ['kubernetes', 'c.local', [['pods', 'insecure']]],
    ])
  })
})

describe('imports', () => {
  it('put a snippet in place each time, without running lines together', () => {
    const blocks = parse('(s) {\n errors\n log\n}\na.test {\n import s\n}\nb.test {\n cache\n import s\n import s\n}')
    expect(blocks.map(({ directives }) => directives.map(({ name }) => name))).toEqual([
      ['errors', 'log'],
      ['cache', 'errors', 'log', 'errors', 'log'],
    ])
  })

  it('read files, whose faults name them', () => {
    const readFiles = (pattern: string) => (pattern === 'more' ? [{ file: '/etc/more', text: 'x.test {\n log "\n}' }] : [])
    expect(() => parse('import more', { readFiles })).toThrow('/etc/more:2 - Error during parsing')
  })

  it('say when there is nothing to import, and when they go round', () => {
    expect(() => parse('. {\n import nothing\n}')).toThrow('Corefile:2 - Error during parsing: File to import not found: nothing')
    expect(() => parse('(a) {\n import a\n}\n. {\n import a\n}')).toThrow('does a import itself?')
  })
})

describe('faults name file, line and word', () => {
  it.each([
    ['. {\n errors\n', "Corefile:1 - Error during parsing: Unexpected EOF: '{' has no '}'"],
    ['. {\n}\n}', "Corefile:3 - Error during parsing: unexpected '}'"],
    ['tls://. {\n}', 'the scheme "tls" of "tls://." is not implemented'],
    ['what://. {\n}', 'unknown scheme "what"'],
    ['.:http {\n}', 'invalid port "http" in ".:http"'],
    ['a..b {\n}', '"a..b" is no zone'],
    ['. {\n log "abc\n}', 'Corefile:2 - Error during parsing: the quote before "abc\\n}" has no end'],
  ])('%j', (text, message) => {
    expect(() => parse(text)).toThrow(message)
  })
})
