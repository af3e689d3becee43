/** What the network needs of the machine that it runs on; a test gives one of its own, in a network namespace. */
export interface NetworkHost {
  /** Standard output of a program that is started without a shell. Throws CommandError when it does not end well. */
  run(program: string, argv: readonly string[], input?: string): Promise<string>
  /** Calls back for every line that the program prints; starts it again when it ends; ends with the signal. */
  follow(program: string, argv: readonly string[], onLine: (line: string) => void, signal: AbortSignal): void
  /** By its path below /proc/sys ("net/ipv4/ip_forward"); undefined where the kernel has no such setting. */
  readSetting(path: string): Promise<string | undefined>
  writeSetting(path: string, value: string): Promise<void>
}

/** A program that failed, with what it said. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly stdout: string

  constructor(program: string, argv: readonly string[], { code, stdout, stderr }: { code: number | null; stdout: string; stderr: string }) {
    super(`${[program, ...argv].join(' ')}: ${stderr.trim().slice(0, 1000) || `exit code ${code}`}`)
    this.stdout = stdout
  }
}
