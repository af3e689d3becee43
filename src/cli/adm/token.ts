/** `quorate token`: what machines join with. */
import type { Command } from 'commander'
import { generateToken } from '../../adm/tokens/token.js'

export function addToken(program: Command): void {
  const token = program.command('token').description('bootstrap tokens')
  token.action(() => token.help({ error: true }))
  token
    .command('generate')
    .description('print a random token, without making it known to a cluster')
    .action(() => console.log(generateToken()))
}
