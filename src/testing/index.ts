/** The library: what `import ... from 'quorate'` gives. */
export { VirtualClock } from '../base/virtual-clock.js'
export type { Clock } from '../base/clock.js'
export type { Client, ResourceClient } from '../client/client.js'
export { resources } from '../client/resources.js'
export { type Cluster, type ClusterOptions, type FleetNode, startCluster, type UserInfo } from './cluster.js'
export type { ServedCluster } from './serve.js'
