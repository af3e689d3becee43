import type { Responder } from '../handler.js'

/** `takeOver` of the responder, when it has one, that tells of its use. */
export function takeOverOf({ takeOver }: Responder, used: () => void): Pick<Responder, 'takeOver'> {
  if (!takeOver) return {}
  return {
    takeOver: () => {
      used()
      return takeOver()
    },
  }
}
