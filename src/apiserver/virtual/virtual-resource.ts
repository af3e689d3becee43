import type { GroupVersionResource, UnknownObject } from '../../api/object.js'
import type { UserInfo } from '../authn/authenticator.js'

/**
 * Something that can be created and is never stored under its own name: reviews (TokenReview, SubjectAccessReview ...)
 * and subresources that answer a question or act on their parent (serviceaccounts/token). The caller decodes, defaults,
 * authorizes and checks the shape first, and writes the returned object with status 201.
 */
export interface VirtualResource {
  readonly resource: GroupVersionResource
  /** '' for a resource of its own, else the subresource of `resource`. */
  readonly subresource: string
  create(object: UnknownObject, context: VirtualContext): Promise<UnknownObject>
}

export interface VirtualContext {
  readonly user: UserInfo
  /** Of the URL: '' where there is none. */
  readonly namespace: string
  /** Of the parent, for a subresource; '' else. */
  readonly name: string
  readonly dryRun: boolean
  /** Writes what the server itself notes in the status of the parent: it is nobody's field. */
  updateParent(change: (old: UnknownObject) => UnknownObject): Promise<UnknownObject>
}

/** The key of a virtual resource in a map: "group/resource" or "group/resource/subresource", of any version. */
export function virtualKey(of: Pick<GroupVersionResource, 'group' | 'resource'>, subresource = ''): string {
  return `${of.group}/${of.resource}${subresource ? `/${subresource}` : ''}`
}
