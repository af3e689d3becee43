/**
 * $(VAR) in commands, arguments, environment values and subPathExpr (api conventions, third_party/forked/golang/expansion): a
 * reference to a name that is not known stays as it is, `$$` is a dollar sign.
 */
export function expand(text: string, valueOf: (name: string) => string | undefined): string {
  let result = ''
  let at = 0
  for (let dollar = text.indexOf('$'); dollar >= 0 && dollar + 1 < text.length; dollar = text.indexOf('$', at)) {
    result += text.slice(at, dollar)
    const next = text[dollar + 1] as string
    const end = next === '(' ? text.indexOf(')', dollar + 2) : -1
    if (end >= 0) {
      const name = text.slice(dollar + 2, end)
      result += valueOf(name) ?? `$(${name})`
      at = end + 1
    } else {
      result += next === '$' ? '$' : `$${next}`
      at = dollar + 2
    }
  }
  return result + text.slice(at)
}

/** Names that a text refers to and that are not known. */
export function unknownNames(text: string, valueOf: (name: string) => string | undefined): string[] {
  const unknown: string[] = []
  expand(text, (name) => {
    const value = valueOf(name)
    if (value === undefined) unknown.push(name)
    return value
  })
  return unknown
}
