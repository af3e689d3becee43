import type { ComponentDeps, RunningComponent } from '../../base/component.js'
import type { Transport } from '../../client/client.js'

/** What a hosted component gets beside the deps of every component. */
export interface HostedDeps extends ComponentDeps {
  /** Where lines go that are log lines already: what a program of this machine prints. Absent: they are logged. */
  output?(line: string): void
  /** Maps a path of a flag to the one on disk: the files of a node of `up` lie under the node's own root. */
  resolvePath(path: string): string
  /**
   * Maps a host to the one to dial. The nodes of `up` have addresses of a network that is only simulated; what listens there
   * listens on the loopback address, on the same port. Absent: every host is dialled as it is.
   */
  route?(host: string): string
  /** The name of the machine, where it is not the one that this process really runs on. */
  readonly hostname?: string
  /** The environment of the container that it runs as. Absent: the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The API servers hosted by this process: whoever runs beside one talks to it without the wire. Absent: none. */
  readonly hostedApiServers?: HostedApiServers
  /** How the servers of this process say how they are, without the wire. Absent: they are asked over it. */
  readonly hostedHealth?: HostedHealth
}

export interface HostedHealth {
  /** A server of this process answers health checks of `host:port` from now on, until the returned function is called. */
  add(address: string, check: HealthCheck): () => void
  find(address: string): HealthCheck | undefined
}

/** The status code of a GET of this path ("/readyz"). */
export type HealthCheck = (path: string) => Promise<number>

export interface HostedApiServers {
  /** An API server of this process serves `host:port` from now on, until the returned function is called. */
  add(address: string, server: HostedApiServer): () => void
  /** The one that serves `host:port`, if it is in this process. */
  find(address: string): HostedApiServer | undefined
}

export interface HostedApiServer {
  /**
   * A way in as the holder of this client certificate (PEM), authenticated as over TLS; undefined when it is not accepted.
   * Without a certificate each request proves itself by its token.
   */
  transport(clientCertificate?: string): Transport | undefined
  /** Aborted when the server has ended, however it ended: what is under way with it fails as on a lost connection. */
  readonly gone?: AbortSignal
}

/** A component as `quorate NAME` or a static pod runs it. */
export interface ComponentMain {
  readonly name: string
  /** What --help prints. */
  help(): string
  /** Throws FlagError synchronously; everything else rejects `ready`. */
  start(argv: readonly string[], deps: HostedDeps): RunningComponent
}

/** A RunningComponent around an asynchronous start: `stop` waits for the start that it interrupts. */
export function running(
  start: (fail: (error: Error) => void) => Promise<{ stop(how?: { crash?: boolean }): Promise<void> }>,
): RunningComponent {
  let finish: () => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  const done = new Promise<void>((resolve, reject) => {
    finish = resolve
    fail = reject
  })
  // Whoever does not wait for the end must not be killed by its rejection.
  done.catch(() => undefined)
  const started = start((error) => fail(error))
  const ready = started.then(() => undefined)
  ready.catch((error: Error) => fail(error))
  return {
    ready,
    done,
    async stop(how) {
      const component = await started.catch(() => undefined)
      await component?.stop(how)
      finish()
    },
  }
}
