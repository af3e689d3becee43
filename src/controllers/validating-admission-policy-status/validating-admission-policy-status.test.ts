import { afterEach, describe, expect, it } from 'vitest'
import type { ValidatingAdmissionPolicy } from '../../api/types/admissionregistration-v1.js'
import { VirtualClock } from '../../base/virtual-clock.js'
import { resources } from '../../client/resources.js'
import { runTestControllers, type TestControllers } from '../testdata/run.js'
import { validatingAdmissionPolicyStatusController } from './validating-admission-policy-status.js'

const policy = (name: string, ...expressions: string[]): ValidatingAdmissionPolicy => ({
  metadata: { name },
  spec: {
    matchConstraints: {
      resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['deployments'] }],
    },
    variables: [{ name: 'replicas', expression: 'object.spec.replicas' }],
    validations: expressions.map((expression) => ({ expression })),
  },
})

describe('validatingadmissionpolicy-status-controller (KEP-3488)', () => {
  let run: TestControllers | undefined
  afterEach(() => run?.stop())

  it('tells which expressions cannot be right for the kinds that a policy names', async () => {
    const clock = new VirtualClock()
    const { client, get, eventually } = (run = await runTestControllers({
      controllers: [validatingAdmissionPolicyStatusController()],
      clock,
    }))
    const of = client.resource<ValidatingAdmissionPolicy>(resources.validatingAdmissionPolicies)
    await of.create(
      policy(
        'good',
        'object.spec.replicas < 100',
        'variables.replicas > 0 && request.operation == "CREATE"',
        'object.spec.template.spec.containers.all(c, c.image != "")',
      ),
    )
    await of.create(policy('bad', 'object.spec.nothing < 100', "variables.replicas < 'x'", 'object.metadata.name != ""'))
    await eventually(async () => {
      const good = await get<ValidatingAdmissionPolicy>(resources.validatingAdmissionPolicies, '', 'good')
      expect(good.status).toEqual({ observedGeneration: 1, typeChecking: {} })
      const bad = await get<ValidatingAdmissionPolicy>(resources.validatingAdmissionPolicies, '', 'bad')
      expect(bad.status?.typeChecking?.expressionWarnings?.map(({ fieldRef }) => fieldRef)).toEqual([
        'spec.validations[0].expression',
        'spec.validations[1].expression',
      ])
    })
  })
})
