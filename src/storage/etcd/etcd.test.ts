import { afterAll, beforeAll, describe, it } from 'vitest'
import { realClock } from '../../base/real-clock.js'
import { silentLogger } from '../../base/logger.js'
import { storeContract } from '../store.contract.js'
import { openEtcdStore } from './etcd.js'
import { type EtcdCluster, etcdMissing, startEtcd } from './testdata/etcd-process.js'

const clock = realClock()

for (const members of [1, 3]) {
  if (etcdMissing) {
    it.skip(`store contract: etcd with ${members} members (${etcdMissing})`, () => undefined)
    continue
  }
  describe(`etcd with ${members} members`, () => {
    let cluster: EtcdCluster
    beforeAll(async () => {
      cluster = await startEtcd(members)
      const store = openEtcdStore({ endpoints: cluster.endpoints, clock, logger: silentLogger })
      await store.ping()
      await store.close()
    })
    afterAll(() => cluster.end())
    storeContract(`etcd, ${members} members`, async () => {
      const store = openEtcdStore({ endpoints: cluster.endpoints, clock, logger: silentLogger })
      return { store, elapse: (ms) => clock.sleep(ms), end: () => store.close() }
    })
  })
}
