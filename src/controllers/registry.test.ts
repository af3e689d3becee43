import { describe, expect, it } from 'vitest'
import { controllerAliases, controllerNames, selectControllers } from './names.js'
import { defaultControllerOptions } from './options.js'
import { controllerMakers, makeControllers } from './registry.js'

describe('--controllers', () => {
  it('takes * as every controller that is on by default', () => {
    const { enabled } = selectControllers(['*'])
    expect(enabled.has('deployment-controller')).toBe(true)
    expect(enabled.has('bootstrap-signer-controller')).toBe(false)
    expect(selectControllers([]).enabled).toEqual(enabled)
  })

  it("takes kubeadm's value with the old names", () => {
    const { enabled, unknown } = selectControllers(['*', 'bootstrapsigner', 'tokencleaner'])
    expect(enabled.has('bootstrap-signer-controller') && enabled.has('token-cleaner-controller')).toBe(true)
    expect(unknown).toEqual([])
  })

  it('turns off what has a minus, and without a star runs only what is named', () => {
    expect(selectControllers(['*', '-deployment-controller']).enabled.has('deployment-controller')).toBe(false)
    expect([...selectControllers(['deployment', '-job']).enabled]).toEqual(['deployment-controller'])
  })

  it('reports words that name no controller', () => {
    expect(selectControllers(['*', 'typo', '-other']).unknown).toEqual(['typo', '-other'])
  })
})

describe('the registry', () => {
  it("uses upstream's names", () => {
    for (const name of [...Object.keys(controllerMakers), ...Object.values(controllerAliases)]) expect(controllerNames).toContain(name)
  })

  it('makes controllers that carry their name', () => {
    const made = makeControllers(new Set(['deployment-controller', 'replicaset-controller']), defaultControllerOptions)
    expect(made.map(({ name }) => name)).toEqual(['deployment-controller', 'replicaset-controller'])
  })
})
