import { describe, expect, it } from 'vitest'
import { installedEtcd } from './installed-etcd.js'
import type { Platform } from './platform.js'

const platform = (program: string | undefined): Platform =>
  ({ findProgram: () => program, etcdAdvice: 'Install it with `brew install etcd`.' }) as unknown as Platform

describe('the installed etcd', () => {
  it('is known by its version', () => {
    const run = () => 'etcd Version: 3.5.16\nGit SHA: f20bbad\n'
    expect(installedEtcd(platform('/usr/bin/etcd'), run)).toEqual({ text: '3.5.16', major: 3, minor: 5, patch: 16 })
  })

  it('that is missing is a clear error with the way to get it', () => {
    try {
      installedEtcd(platform(undefined), () => '')
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ code: 'EtcdMissing', remedy: expect.stringContaining('brew install etcd') })
    }
  })

  it('that is too old, or no etcd, is refused', () => {
    expect(() => installedEtcd(platform('etcd'), () => 'etcd Version: 3.3.25\n')).toThrow(/version 3\.3\.25, and 3\.4 or later/)
    expect(() => installedEtcd(platform('etcd'), () => 'hello')).toThrow(/unknown version/)
    expect(() =>
      installedEtcd(platform('etcd'), () => {
        throw new Error('exit 1')
      }),
    ).toThrow(/--version fails: exit 1/)
  })
})
