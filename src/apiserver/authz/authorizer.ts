import type { UserInfo } from '../authn/authenticator.js'

/** What somebody wants to do. */
export interface Attributes {
  readonly user: UserInfo
  readonly verb: string
  /** Set for a resource request; `path` for any other. */
  readonly resource?: {
    readonly group: string
    readonly version: string
    readonly resource: string
    readonly subresource: string
    readonly namespace: string
    readonly name: string
    readonly fieldSelector?: string
    readonly labelSelector?: string
  }
  readonly path?: string
}

/** 'no opinion' asks the next authorizer; nobody's opinion means forbidden. */
export interface Decision {
  readonly verdict: 'allow' | 'deny' | 'no opinion'
  readonly reason: string
}

export interface Authorizer {
  readonly name: string
  /** Synchronous whenever the answer is in memory, which is always so for RBAC, Node and AlwaysAllow. */
  authorize(attributes: Attributes): Decision | Promise<Decision>
  /** The rules of a user in a namespace, for SelfSubjectRulesReview. */
  rulesFor?(user: UserInfo, namespace: string): RuleSet
}

export interface RuleSet {
  readonly resourceRules: readonly {
    verbs: readonly string[]
    apiGroups: readonly string[]
    resources: readonly string[]
    resourceNames?: readonly string[]
  }[]
  readonly nonResourceRules: readonly { verbs: readonly string[]; nonResourceURLs: readonly string[] }[]
  readonly incomplete: boolean
}
