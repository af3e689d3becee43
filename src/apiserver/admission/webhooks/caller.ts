/** How webhooks are reached; what does it is the shell's (apiserver/webhooks). */
export interface WebhookCall {
  readonly host: string
  readonly port: number
  readonly path: string
  /** In the certificate; the host itself when left out. */
  readonly serverName?: string
  /** PEM of who vouches for the server; the machine's own authorities when left out. */
  readonly authority?: string
  /** JSON. */
  readonly body: string
}

/** The text of an answer of 200. Rejects with what went wrong; `signal` ends the call. */
export type WebhookCaller = (call: WebhookCall, signal: AbortSignal) => Promise<string>
