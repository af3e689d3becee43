// Runs inside a network namespace: serves and calls, as lines of JSON on standard input tell it. Every answer is a line of JSON.
// What it serves says who it is and whom it sees: "NAME ADDRESS".
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { createInterface } from 'node:readline'

const name = process.argv[2]
const plain = (address) => address.replace(/^::ffff:/, '')

const commands = {
  serve: ({ port }) =>
    Promise.all([
      new Promise((resolve) => createServer((socket) => {
        socket.on('error', () => undefined)
        socket.end(`${name} ${plain(socket.remoteAddress)}`)
      }).listen(port, '::', resolve)),
      new Promise((resolve) => {
        const socket = createSocket('udp6')
        socket.on('message', (_, { port: to, address }) => socket.send(`${name} ${plain(address)}`, to, address))
        socket.bind(port, resolve)
      }),
    ]).then(() => 'serving'),
  tcp: ({ host, port, from, timeoutMs = 1000 }) =>
    new Promise((resolve) => {
      const socket = connect({ host, port, ...(from ? { localAddress: from } : {}) })
      let text = ''
      const end = (answer) => {
        clearTimeout(timer)
        socket.destroy()
        resolve(answer)
      }
      const timer = setTimeout(() => end('timeout'), timeoutMs)
      socket.on('data', (chunk) => (text += chunk))
      socket.on('end', () => end(text))
      socket.on('error', (error) => end(error.code))
    }),
  // `sourcePort`: the same again is the same connection to conntrack.
  udp: ({ host, port, sourcePort = 0, timeoutMs = 500 }) =>
    new Promise((resolve) => {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
      const end = (answer) => {
        clearTimeout(timer)
        socket.close()
        resolve(answer)
      }
      const timer = setTimeout(() => end('timeout'), timeoutMs)
      socket.on('message', (text) => end(String(text)))
      socket.on('error', (error) => end(error.code))
      socket.bind(sourcePort, () => socket.connect(port, host, () => socket.send('hello')))
    }),
}

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { id, command, ...rest } = JSON.parse(line)
  const answer = await commands[command](rest)
  process.stdout.write(`${JSON.stringify({ id, answer })}\n`)
})
