/** Kubernetes' CEL libraries, by expressions that hold, fail or are refused (library documentation of k8s.io/apiserver). */
import { describe, expect, it } from 'vitest'
import { CelError } from '../values.js'
import { kubernetesEnvironment } from './environment.js'

const environment = kubernetesEnvironment()

function evaluate(expression: string): unknown {
  const compiled = environment.compile(expression)
  if ('issues' in compiled) throw new Error(compiled.issues.map(({ message }) => message).join('; '))
  return compiled.program.evaluate({}).value
}

const holding: Readonly<Record<string, readonly string[]>> = {
  lists: [
    '[1, 2, 2].isSorted() && ![2, 1].isSorted() && [].isSorted()',
    "[1, 3].sum() == 4 && [1.5, 2.5].sum() == 4.0 && [duration('1m'), duration('1s')].sum() == duration('1m1s')",
    "[3, 1, 2].min() == 1 && ['a', 'c', 'b'].max() == 'c'",
    '[1, 2, 2, 3].indexOf(2) == 1 && [1, 2, 2, 3].lastIndexOf(2) == 2 && [1].indexOf(9) == -1',
    '[1, 2, 3, 4].slice(1, 3) == [2, 3] && [[1], [2, 3]].flatten() == [1, 2, 3] && [3, 1, 2].sort() == [1, 2, 3]',
    "[{'n': 2}, {'n': 1}].sortBy(e, e.n) == [{'n': 1}, {'n': 2}] && [1, 1, 2].distinct() == [1, 2]",
    '[1, 2].reverse() == [2, 1] && lists.range(3) == [0, 1, 2]',
  ],
  sets: [
    'sets.contains([1, 2, 3], [2]) && sets.equivalent([1, 2, 2], [2, 1]) && sets.intersects([1], [1, 2]) && !sets.intersects([1], [])',
  ],
  regex: ["'abc 123'.find('[0-9]+') == '123' && '1 2 3'.findAll('[0-9]', 2) == ['1', '2'] && 'x'.find('y') == ''"],
  url: [
    "isURL('https://example.com:80/') && isURL('/a/b') && !isURL('example.com') && isURL('mailto:a@b.c') && !isURL('http://a b/')",
    "url('https://user:pw@example.com:443/x?k=a&k=b&l=').getQuery() == {'k': ['a', 'b'], 'l': ['']}",
    "url('https://[::1]:80/').getHostname() == '::1' && url('https://[::1]:80/').getHost() == '[::1]:80' && url('/p').getHost() == ''",
    "url('https://example.com/a b%2Fc').getEscapedPath() == '/a%20b/c' && url('/a%20b%2Fc').getEscapedPath() == '/a%20b%2Fc'",
    "url('HTTP://example.com').getScheme() == 'http' && url('https://x.io:8443').getPort() == '8443'",
  ],
  network: [
    "ip('10.0.0.1').family() == 4 && isIP('::1') && !isIP('::ffff:10.0.0.1') && !isIP('fe80::1%eth0') && !isIP('010.0.0.1')",
    "ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD') && string(ip('::1')) == '::1'",
    "ip('127.0.0.1').isLoopback() && ip('ff02::1').isLinkLocalMulticast() && ip('fe80::1').isLinkLocalUnicast() && ip('0.0.0.0').isUnspecified()",
    "!ip('255.255.255.255').isGlobalUnicast() && ip('192.168.0.1').isGlobalUnicast() && !ip('169.254.0.1').isGlobalUnicast()",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.0')) && cidr('::/0').containsIP('::5')",
    "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))",
    "string(cidr('10.1.2.3/16').masked()) == '10.1.0.0/16' && cidr('10.1.2.3/16').prefixLength() == 16 && cidr('10.1.2.3/16').ip() == ip('10.1.2.3')",
    "isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0/08') && !isCIDR('10.0.0.0/33') && !isCIDR('::ffff:1.2.3.4/96')",
  ],
  quantity: [
    "isQuantity('1.5G') && !isQuantity('200K') && quantity('1Mi').isGreaterThan(quantity('1M')) && quantity('50k') == quantity('50000')",
    "quantity('50Mi').add(20).asInteger() == 52428820 && quantity('1').sub(quantity('500m')).asApproximateFloat() == 0.5",
    "sign(quantity('-1')) == -1 && !quantity('1500m').isInteger() && quantity('1').compareTo(quantity('2')) == -1",
  ],
  semver: [
    "isSemver('1.0.0') && !isSemver('v1.0') && isSemver('v1.0', true) && semver('v01.01', true) == semver('1.1.0')",
    "semver('1.0.0-rc.1').isLessThan(semver('1.0.0')) && semver('1.0.0-2').isLessThan(semver('1.0.0-10')) && semver('1.2.3+build').patch() == 3",
  ],
  strings: ["'%e'.format([1234567.0]) == '1.234567×10⁰⁶' && '%.1e'.format([0.01]) == '1.0×10⁻⁰²' && '%d %s'.format([1, 'a']) == '1 a'"],
  go: ["!optional.ofNonZeroValue(timestamp('0001-01-01T00:00:00Z')).hasValue()", "b'\\u0041' == b'A'"],
  format: [
    "!format.dns1123Label().validate('my-name').hasValue() && format.dns1123Label().validate('My_Name').hasValue()",
    "format.named('uuid').value().validate('x').hasValue() && !format.named('none').hasValue()",
    "!format.dns1123LabelPrefix().validate('a-').hasValue() && !format.qualifiedName().validate('example.com/x').hasValue()",
    "!format.date().validate('2021-01-01').hasValue() && format.datetime().validate('2021-01-01').hasValue()",
  ],
  optionals: ["{'a': 1}.?b.orValue(2) == 2 && [1][?5].or(optional.of(3)).value() == 3 && optional.of(4).optMap(x, x + 1).value() == 5"],
  comprehensions: [
    "{'a': 1}.transformMap(k, v, v + 1) == {'a': 2} && [1, 2].all(i, v, v == i + 1) && {'a': 1}.exists(k, v, k == 'a' && v == 1)",
  ],
}

describe("Kubernetes' CEL libraries", () => {
  for (const [library, expressions] of Object.entries(holding))
    for (const expression of expressions) it(`${library}: ${expression}`, () => expect(evaluate(expression)).toBe(true))

  it.each(["ip('nope')", "cidr('10.0.0.0')", "url('x y')", "quantity('x')", "semver('1')", '[].min()', "'x'.find('(')[0]"])(
    '%s is an error while it runs, or refused',
    (expression) => {
      const compiled = environment.compile(expression)
      if ('program' in compiled) expect(compiled.program.evaluate({}).value).toBeInstanceOf(CelError)
    },
  )

  it.each([
    ['[1, "a"]', 'lists of one type'],
    ['[dyn(1), "a"]', 'a type that is not known until it runs'],
    ["'a'.matches('(')", 'patterns that are none'],
    ["timestamp('x') > timestamp('2020-01-01T00:00:00Z')", 'times that are none'],
    ['cel.bind(x, 1, x)', 'no bindings'],
    ["'a'.reverse()", 'strings as of version 2'],
  ])('%s is refused: %s', (expression) => expect(environment.compile(expression)).toHaveProperty('issues'))

  it('has of each version what came with it (compatibility versions)', () => {
    expect(kubernetesEnvironment(33).compile('[1].sort() == [1]')).toHaveProperty('issues')
    expect(kubernetesEnvironment(34).compile('[1].sort() == [1]')).toHaveProperty('program')
  })

  it('compares numbers of different types', () => {
    expect(evaluate('1 < 1.5 && 2u > 1 && dyn(1) == 1.0')).toBe(true)
    expect(environment.compile('1 == 1.0')).toHaveProperty('issues')
  })

  it('stops an expression at its cost, whatever stands around it', () => {
    const compiled = environment.compile('lists.range(1000).all(x, lists.range(1000).all(y, x + y >= 0)) || true')
    const { value, cost } = (
      compiled as { program: { evaluate(v: object, limit: number): { value: unknown; cost: number } } }
    ).program.evaluate({}, 1_000_000)
    expect(value).toBeInstanceOf(CelError)
    expect(cost).toBeLessThan(1_010_000)
  })
})
