/** Work that begins once the server answers. /readyz lists each as poststarthook/<name> until `start` has resolved. */
export interface PostStartHook {
  readonly name: string
  /** Resolves when the first round is done; what goes on ends with the signal. Rejecting stops the server's start. */
  start(signal: AbortSignal): Promise<void>
  /** On the way down, while the server still answers. With `crash` nothing is released. */
  stop?(how?: { crash?: boolean }): Promise<void>
}
