const newline = 10

/**
 * The lines of a byte stream as text, all lines of a chunk together: a busy watch brings many in one read. A line that is cut
 * by the end of the stream is dropped: it was not sent whole.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncIterable<readonly string[]> {
  const decoder = new TextDecoder()
  let held: Uint8Array[] = []
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(newline)
    if (end < 0) {
      held.push(chunk)
      continue
    }
    let text = ''
    for (const part of held) text += decoder.decode(part, { stream: true })
    text += decoder.decode(chunk.subarray(0, end))
    held = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : []
    yield text.split('\n').filter((line) => line !== '')
  }
}
