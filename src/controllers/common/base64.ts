const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** UTF-8 text as `data` of Secrets has it. */
export function toBase64(text: string): string {
  let binary = ''
  for (const byte of encoder.encode(text)) binary += String.fromCharCode(byte)
  return btoa(binary)
}

/** The text of a value in `data`; '' for what is none. */
export function fromBase64(data: string | undefined): string {
  try {
    return decoder.decode(Uint8Array.from(atob(data ?? ''), (char) => char.charCodeAt(0)))
  } catch {
    return ''
  }
}
