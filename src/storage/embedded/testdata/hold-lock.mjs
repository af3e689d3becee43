// Holds the lock of a store's directory, as another process that has it open would, until it is killed.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

writeFileSync(join(process.argv[2], 'lock'), String(process.pid))
process.send('held')
setInterval(() => undefined, 1000)
