/** The node's word that its network is up: the condition that the scheduler and people look at. */
import type { Node } from '../api/types/core-v1.js'
import { timestamp, type Clock } from '../base/clock.js'
import type { Client } from '../client/client.js'
import { resources } from '../client/resources.js'

const type = 'NetworkUnavailable'
/** The reason of upstream's route controller, which does the same where a cloud has the routes. */
const reason = 'RouteCreated'
const message = 'quorate network created the routes of this node'

/** Written only when it does not say so already. */
export async function setNetworkAvailable(client: Client, clock: Clock, name: string): Promise<void> {
  const nodes = client.resource<Node>(resources.nodes)
  const { status } = await nodes.get('', name)
  const now = status?.conditions?.find((condition) => condition.type === type)
  if (now?.status === 'False' && now.reason === reason) return
  const time = timestamp(clock.now())
  const lastTransitionTime = now?.status === 'False' ? now.lastTransitionTime : time
  const conditions = [{ type, status: 'False', reason, message, lastTransitionTime, lastHeartbeatTime: time }]
  await nodes.patch('', name, { type: 'strategic', body: { status: { conditions } } }, { subresource: 'status' })
}
