/** "unix:///run/containerd/containerd.sock", or a path: where that socket is. */
export function socketPath(criSocket: string): string {
  return criSocket.replace(/^unix:\/\//, '')
}
