import type { Attributes, Authorizer, Decision } from './authorizer.js'

const noOpinion: Decision = { verdict: 'no opinion', reason: '' }

/** The first that allows or denies decides. What the others had to say is joined for the refusal. */
export function unionAuthorizers(authorizers: readonly Authorizer[]): Authorizer {
  const askFrom = (first: number, asked: Attributes, reasons: readonly string[]): Decision | Promise<Decision> => {
    let said = reasons
    for (let at = first; at < authorizers.length; at++) {
      const decision = authorizers[at]?.authorize(asked) ?? noOpinion
      if (decision instanceof Promise)
        return decision.then((settled) => (settled.verdict === 'no opinion' ? askFrom(at + 1, asked, add(said, settled)) : settled))
      if (decision.verdict !== 'no opinion') return decision
      said = add(said, decision)
    }
    return said.length === 0 ? noOpinion : { verdict: 'no opinion', reason: said.join('\n') }
  }
  return {
    name: 'union',
    authorize: (asked) => askFrom(0, asked, []),
    rulesFor(user, namespace) {
      const sets = authorizers.map((authorizer) => authorizer.rulesFor?.(user, namespace))
      return {
        resourceRules: sets.flatMap((set) => set?.resourceRules ?? []),
        nonResourceRules: sets.flatMap((set) => set?.nonResourceRules ?? []),
        incomplete: sets.some((set) => set?.incomplete ?? false),
      }
    },
  }
}

function add(reasons: readonly string[], decision: Decision): readonly string[] {
  return decision.reason === '' ? reasons : [...reasons, decision.reason]
}

const everything = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
}

export const alwaysAllow: Authorizer = {
  name: 'AlwaysAllow',
  authorize: () => ({ verdict: 'allow', reason: '' }),
  rulesFor: () => ({ ...everything, incomplete: false }),
}

export const alwaysDeny: Authorizer = {
  name: 'AlwaysDeny',
  authorize: () => ({ verdict: 'no opinion', reason: 'Everything is forbidden.' }),
  rulesFor: () => ({ resourceRules: [], nonResourceRules: [], incomplete: false }),
}

/** Members of system:masters may do everything, whatever the other authorizers know: the way back in when RBAC is broken. */
export const privilegedGroup: Authorizer = {
  name: 'system:masters',
  authorize: ({ user }) => (user.groups.includes('system:masters') ? { verdict: 'allow', reason: '' } : noOpinion),
}
