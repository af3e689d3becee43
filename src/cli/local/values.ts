import { InvalidArgumentError, Option } from 'commander'
import { durationMs } from '../../node/flags/flags.js'

/** Values of options, refused in commander's way when they are not what they should be. */
export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Give a whole number.')
  return Number(text)
}

export function portNumber(text: string): number {
  const port = wholeNumber(text)
  if (port > 65_535) throw new InvalidArgumentError('Ports end at 65535.')
  return port
}

function duration(text: string): number {
  const refused = () => new InvalidArgumentError('Give a duration such as 90s or 2m.')
  const ms = durationMs(text, refused)
  if (ms < 0) throw refused()
  return ms
}

export function waitOption(description: string): Option {
  return new Option('--wait <duration>', description).argParser(duration).default(duration('2m'), '2m')
}
