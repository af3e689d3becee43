import { expect, it } from 'vitest'
import { mountsBelow } from './mounts.js'

it('mounts below a directory are named with the deepest first, blanks restored, others left out', () => {
  const text = [
    '22 1 8:1 / / rw - ext4 /dev/sda1 rw',
    '30 22 0:40 / /var/lib/kubelet/pods/a/volumes/x rw - tmpfs tmpfs rw',
    '31 30 0:41 / /var/lib/kubelet/pods/a/volumes/x/in\\040side rw - tmpfs tmpfs rw',
    '32 22 0:42 / /var/lib/kubelet-other rw - tmpfs tmpfs rw',
  ].join('\n')
  expect(mountsBelow(text, '/var/lib/kubelet')).toEqual(['/var/lib/kubelet/pods/a/volumes/x/in side', '/var/lib/kubelet/pods/a/volumes/x'])
})
