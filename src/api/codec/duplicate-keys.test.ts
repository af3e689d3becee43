import { describe, expect, it } from 'vitest'
import { duplicateKeys } from './duplicate-keys.js'

describe('members that are twice in an object', () => {
  it.each<[string, string[]]>([
    ['{"a":1,"b":{"a":1}}', []],
    ['{"a":1,"a":2}', ['a']],
    ['{"s":[{"n":1},{"n":1,"n" : 2}]}', ['s[1].n']],
    ['{"a":"x\\":","b":"\\\\","c":["\\"a\\":"]}', []],
    ['{"a\\u0062":1,"ab":2}', ['ab']],
    ['[1,"a",{"k":[{},{"k":{},"k":[]}]}]', ['[2].k[1].k']],
  ])('%s → %j', (text, found) => expect(duplicateKeys(text, JSON.parse(text))).toEqual(found))
})
