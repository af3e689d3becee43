import { describe, expect, it } from 'vitest'
import { type Machine, platformOf } from './platform.js'

function machine(os: NodeJS.Platform, given: Partial<Machine> = {}): Machine {
  return {
    os,
    env: {},
    home: () => '/home/ada',
    temporaryDirectory: () => '/tmp',
    userName: () => '1000',
    readFile: () => {
      throw new Error('no such file')
    },
    run: () => {
      throw new Error('no such process')
    },
    signal: () => undefined,
    isExecutable: () => false,
    makePrivate: () => undefined,
    ...given,
  }
}

const stat = (state: string) => `77 (a (b) c) ${state} ${Array.from({ length: 18 }, (_, at) => at).join(' ')} 4711 0 0`
const failing = (code: string) => () => {
  throw Object.assign(new Error(code), { code })
}

describe('the start of a process', () => {
  it('is field 22 of /proc/PID/stat on Linux, whatever the name of the program', () => {
    expect(platformOf(machine('linux', { readFile: () => stat('S') })).startOf(77)).toBe('4711')
  })

  it('is none for a process that has ended and waits for its parent', () => {
    expect(platformOf(machine('linux', { readFile: () => stat('Z') })).startOf(77)).toBeUndefined()
    expect(platformOf(machine('linux')).startOf(77)).toBeUndefined()
    expect(platformOf(machine('darwin', { run: () => 'Z    Wed Nov 25 02:00:00 2026\n' })).startOf(77)).toBeUndefined()
  })

  it('comes from ps on macOS and from PowerShell on Windows', () => {
    const asked: string[] = []
    const answer = (text: string) => (program: string) => {
      asked.push(program)
      return text
    }
    const mac = machine('darwin', { run: answer('Ss   Wed Nov 25 02:00:00 2026\n') })
    expect(platformOf(mac).startOf(77)).toBe('Wed Nov 25 02:00:00 2026')
    const windows = machine('win32', { run: answer('134086464000000000\r\n') })
    expect(platformOf(windows).startOf(77)).toBe('134086464000000000')
    expect(asked).toEqual(['ps', 'powershell.exe'])
  })

  it('is asked for only when there is such a process', () => {
    const run = () => {
      throw new Error('asked')
    }
    expect(platformOf(machine('darwin', { signal: failing('ESRCH'), run })).startOf(77)).toBeUndefined()
  })
})

describe('the end of a process', () => {
  it('can be asked for by a signal, but not on Windows', () => {
    const sent: unknown[] = []
    const given = { signal: (pid: number, signal: unknown) => void sent.push([pid, signal]) }
    expect(platformOf(machine('linux', given)).terminate(7)).toBe(true)
    expect(platformOf(machine('win32', given)).terminate(7)).toBe(false)
    expect(platformOf(machine('win32', given)).kill(7)).toBe(true)
    expect(sent).toEqual([
      [7, 'SIGTERM'],
      [7, 'SIGKILL'],
    ])
    expect(platformOf(machine('linux', { signal: failing('ESRCH') })).kill(7)).toBe(false)
  })
})

describe('a local socket', () => {
  const long = `/home/${'a'.repeat(120)}/run/store.sock`

  it('is the file itself when the path is short enough', () => {
    expect(platformOf(machine('linux')).socketAddress('/home/ada/run/store.sock')).toBe('/home/ada/run/store.sock')
  })

  it('lies in a private directory of the user when the path is too long for the system', () => {
    const made: string[] = []
    const address = platformOf(machine('darwin', { makePrivate: (path) => void made.push(path) })).socketAddress(long)
    expect(address).toMatch(/^\/tmp\/quorate-1000\/[0-9a-f]{16}\.sock$/)
    expect(made).toEqual(['/tmp/quorate-1000'])
  })

  it('is a named pipe on Windows, a different one for each path', () => {
    const { socketAddress } = platformOf(machine('win32'))
    expect(socketAddress('C:\\a')).toMatch(/^\\\\\.\\pipe\\quorate-[0-9a-f]{16}$/)
    expect(socketAddress('C:\\a')).not.toBe(socketAddress('C:\\b'))
  })
})

describe('a program', () => {
  it('is looked for on the PATH, as the system writes it', () => {
    const linux = machine('linux', { env: { PATH: '/bin::/usr/bin' }, isExecutable: (path) => path === '/usr/bin/etcd' })
    expect(platformOf(linux).findProgram('etcd')).toBe('/usr/bin/etcd')
    const windows = machine('win32', { env: { Path: 'C:\\a;C:\\b' }, isExecutable: (path) => path === 'C:\\b\\etcd.exe' })
    expect(platformOf(windows).findProgram('etcd')).toBe('C:\\b\\etcd.exe')
    expect(platformOf(machine('linux')).findProgram('etcd')).toBeUndefined()
  })

  it('that is missing comes with advice for this system', () => {
    expect(platformOf(machine('darwin')).etcdAdvice).toMatch(/brew install etcd/)
    expect(platformOf(machine('linux')).etcdAdvice).toMatch(/apt-get install etcd-server/)
    expect(platformOf(machine('win32')).etcdAdvice).toMatch(/etcd\.exe/)
  })
})
