/** Log lines as CoreDNS writes them: "[INFO] plugin/reload: …", what people know from `kubectl logs`. */
export interface DnsLog {
  /** A line as it is. */
  line(text: string): void
  info(text: string): void
  warning(text: string): void
  error(text: string): void
  fatal(text: string): void
  /** Lines of a plugin. */
  of(plugin: string): DnsLog
}

export function dnsLog(line: (text: string) => void, prefix = ''): DnsLog {
  const level = (name: string) => (text: string) => line(`[${name}] ${prefix}${text}`)
  return {
    line,
    info: level('INFO'),
    warning: level('WARNING'),
    error: level('ERROR'),
    fatal: level('FATAL'),
    of: (plugin) => dnsLog(line, `plugin/${plugin}: `),
  }
}
