import { VirtualClock } from '../../base/virtual-clock.js'
import { storeContract } from '../store.contract.js'
import { openMemoryStore } from './memory.js'

storeContract('memory', async () => {
  const clock = new VirtualClock()
  const store = openMemoryStore({ clock })
  return { store, elapse: (ms) => clock.advance(ms), end: () => store.close() }
})
