/** Where a walk is: member names and indexes from the root. */
export type Path = (string | number)[]

/** "spec.ports[1].name"; the root is "". */
export function pathText(path: readonly (string | number)[], last?: string | number): string {
  let text = ''
  const add = (part: string | number) => {
    if (typeof part === 'number') text += `[${part}]`
    else text += text === '' ? part : `.${part}`
  }
  for (const part of path) add(part)
  if (last !== undefined) add(last)
  return text
}
