/** semver() (SemVer 2.0.0), with an own reading of "v1.2" where it is asked for. */
import { fixedCost, traversalCost } from '../cost.js'
import { fn, global, type Library, member } from '../functions.js'
import { boolType, intType, opaqueType, stringType } from '../types.js'
import { CelError, type CelValue, normalInt } from '../values.js'
import { Compared } from './opaque.js'

const semverType = opaqueType('kubernetes.Semver')

class Semver extends Compared<string> {
  readonly type = semverType
  /** What is built does not tell versions apart. */
  readonly identity: string
  constructor(
    readonly numbers: readonly [major: bigint, minor: bigint, patch: bigint],
    readonly prerelease: readonly string[],
  ) {
    super()
    this.identity = `${numbers.join('.')}-${prerelease.join('.')}`
  }
}

const number = '(0|[1-9]\\d*)'
const identifier = '(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)'
const form = new RegExp(
  `^${number}\\.${number}\\.${number}(?:-(${identifier}(?:\\.${identifier})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
)

function parse(text: string): Semver | undefined {
  const match = form.exec(text)
  if (!match) return undefined
  const [major, minor, patch] = match.slice(1, 4).map(BigInt) as [bigint, bigint, bigint]
  if ([major, minor, patch].some((each) => each > 2n ** 64n - 1n)) return undefined
  return new Semver([major, minor, patch], match[4]?.split('.') ?? [])
}

/** "v1.2" is 1.2.0, and leading zeros go. */
function normalized(text: string): string | undefined {
  const [major = '', minor, ...rest] = text.replace(/^v/, '').split('.')
  const parts = [major, ...(minor === undefined ? [] : [minor]), ...(rest.length > 0 ? [rest.join('.')] : [])]
  if (parts.length < 3 && /[+-]/.test(parts.at(-1) ?? '')) return undefined
  const trimmed = parts.map((part) => (part.length > 1 ? part.replace(/^0+(?=\d)/, '') : part))
  while (trimmed.length < 3) trimmed.push('0')
  return trimmed.join('.')
}

function read(text: string, normalize = false): Semver | undefined {
  const plain = normalize ? normalized(text) : text
  return plain === undefined ? undefined : parse(plain)
}

const semver = (text: string, normalize = false): CelValue =>
  read(text, normalize) ?? new CelError(`invalid semantic version ${JSON.stringify(text)}`)
const isSemver = (text: string, normalize = false) => read(text, normalize) !== undefined

function compare(a: Semver, b: Semver): number {
  for (let i = 0; i < 3; i++) {
    const [left, right] = [a.numbers[i] as bigint, b.numbers[i] as bigint]
    if (left !== right) return left < right ? -1 : 1
  }
  return comparePrereleases(a.prerelease, b.prerelease)
}

function comparePrereleases(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return a.length === b.length ? 0 : a.length === 0 ? 1 : -1
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i], b[i]]
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1
    if (left === right) continue
    const [leftNumber, rightNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)]
    if (leftNumber !== rightNumber) return leftNumber ? -1 : 1
    if (leftNumber) return BigInt(left) < BigInt(right) ? -1 : 1
    return left < right ? -1 : 1
  }
  return 0
}

const nominal = fixedCost(1)
const reading = traversalCost(0)
const two = [semverType, semverType]
const part = (name: string, index: number) =>
  fn(
    name,
    member(`semver_${name}`, [semverType], intType, ({ numbers }: Semver) => normalInt(numbers[index] as bigint), nominal),
  )

export const semverLibrary: Library = {
  types: { 'kubernetes.Semver': semverType },
  functions: [
    fn(
      'semver',
      global('string_to_semver', [stringType], semverType, semver, reading),
      global('string_bool_to_semver', [stringType, boolType], semverType, semver, reading),
    ),
    fn(
      'isSemver',
      global('is_semver_string', [stringType], boolType, isSemver, reading),
      global('is_semver_string_bool', [stringType, boolType], boolType, isSemver, reading),
    ),
    fn(
      'isGreaterThan',
      member('semver_is_greater_than', two, boolType, (a: Semver, b: Semver) => compare(a, b) > 0, nominal),
    ),
    fn(
      'isLessThan',
      member('semver_is_less_than', two, boolType, (a: Semver, b: Semver) => compare(a, b) < 0, nominal),
    ),
    fn('compareTo', member('semver_compare_to', two, intType, compare, nominal)),
    part('major', 0),
    part('minor', 1),
    part('patch', 2),
  ],
}
