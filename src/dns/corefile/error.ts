import { QuorateError } from '../../base/errors.js'

export interface Place {
  readonly file: string
  readonly line: number
}

/** A Corefile that cannot be used: says where. */
export class CorefileError extends QuorateError {
  constructor({ file, line }: Place, message: string) {
    super('BadCorefile', `${file}:${line} - Error during parsing: ${message}`)
  }

  /** The same, with the plugin that found it. */
  static inPlugin(plugin: string, error: CorefileError): QuorateError {
    return new QuorateError('BadCorefile', `plugin/${plugin}: ${error.message}`, { cause: error })
  }
}
