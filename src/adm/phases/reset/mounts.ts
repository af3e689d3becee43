/** What is mounted below a directory, the deepest first; from the text of /proc/self/mountinfo (proc(5)). */
export function mountsBelow(mountinfo: string, directory: string): string[] {
  return mountinfo
    .split('\n')
    .map((line) => unescaped(line.split(' ')[4] ?? ''))
    .filter((path) => path.startsWith(`${directory}/`))
    .toSorted((a, b) => b.split('/').length - a.split('/').length)
}

/** Blanks and backslashes are octal there. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
