/**
 * A table as the kernel keeps it, for tests of histories: it takes the commands of a ruleset and refuses what nftables refuses, namely
 * an element twice or one that is not there, a rule or verdict to a chain that is not there, the end of a chain that is still used.
 */
export class TableModel {
  readonly chains = new Map<string, string[]>()
  readonly containers = new Map<string, Map<string, string>>()

  /** The commands of one transaction, in order. */
  run(script: string): void {
    let base = ''
    let inBase = false
    for (const line of script.split('\n')) {
      if (/^table \S+ \S+ {$/.test(line)) inBase = true
      if (inBase) base += `${line}\n`
      else if (line !== '') this.#command(line)
      if (inBase && line === '}' && base.split('{').length === base.split('}').length) {
        this.#base(base)
        inBase = false
      }
    }
    this.#checkVerdicts()
  }

  /** What packets see: every container, and the rules of chains, in an order of their own. */
  get state(): unknown {
    const sorted = <T>(entries: Iterable<[string, T]>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1))
    return {
      containers: sorted([...this.containers].map(([name, elements]) => [name, sorted(elements)] as [string, unknown])),
      // Dice are kept for later.
      chains: sorted(this.chains).filter(([name]) => !/^(local-)?(nodeport-)?endpoints-/.test(name)),
    }
  }

  #base(text: string): void {
    for (const [, name = ''] of text.matchAll(/^(?:set|map) (\S+) \{/gm)) this.containers.set(name, new Map())
    for (const [, name = '', rules = ''] of text.matchAll(/^chain (\S+) \{\n([^}]*(?:\{[^}]*\}[^}]*)*?)^\}$/gm))
      this.chains.set(name, rules.trim().split('\n'))
  }

  #command(line: string): void {
    const [, verb = '', kind = '', name = '', rest = ''] = /^(add|delete|flush) (\S+) \S+ kube-proxy ?(\S*) ?(.*)$/.exec(line) ?? []
    if (kind === 'table') {
      this.chains.clear()
      this.containers.clear()
    } else if (kind === 'element') this.#elements(verb, name, rest)
    else if (kind === 'rule') this.#chain(name).push(rest)
    else if (kind === 'set') this.#set(verb, name)
    else if (kind === 'chain' && verb === 'add') this.chains.set(name, this.chains.get(name) ?? [])
    else if (kind === 'chain' && verb === 'flush') this.#chain(name).length = 0
    else if (kind === 'chain' && verb === 'delete') this.#deleteChain(name)
    else throw new Error(`no command: ${line}`)
  }

  #chain(name: string): string[] {
    const chain = this.chains.get(name)
    if (!chain) throw new Error(`no chain ${name}`)
    return chain
  }

  #set(verb: string, name: string): void {
    if (verb === 'add') this.containers.set(name, this.containers.get(name) ?? new Map())
    else if (this.#rules().some((rule) => rule.includes(`@${name} `))) throw new Error(`the set ${name} is in use`)
    else if (!this.containers.delete(name)) throw new Error(`no set ${name}`)
  }

  #deleteChain(name: string): void {
    if (this.#chain(name).length > 0) throw new Error(`the chain ${name} has rules`)
    if (this.#targets().has(name)) throw new Error(`the chain ${name} is in use`)
    this.chains.delete(name)
  }

  #elements(verb: string, container: string, rest: string): void {
    const elements = this.containers.get(container)
    if (!elements) throw new Error(`no set or map ${container}`)
    for (const text of rest.replace(/^{ | }$/g, '').split(', ')) {
      const [key = '', value = ''] = text.split(' : ')
      if (elements.has(key) === (verb === 'add')) throw new Error(`${verb} of ${container} ${key}`)
      if (verb === 'add') elements.set(key, value)
      else elements.delete(key)
    }
  }

  #rules(): string[] {
    return [...this.chains.values()].flat()
  }

  #targets(): Set<string> {
    const verdicts = [...this.containers.values()].flatMap((elements) => [...elements.values()])
    return new Set([...verdicts, ...this.#rules()].flatMap((text) => [...text.matchAll(/(?:goto|jump) ([^\s,]+)/g)].map(([, name = '']) => name)))
  }

  #checkVerdicts(): void {
    for (const name of this.#targets()) this.#chain(name)
    for (const rule of this.#rules())
      for (const [, name = ''] of rule.matchAll(/@([^\s,]+)/g)) if (!this.containers.has(name)) throw new Error(`no set ${name}`)
  }
}
