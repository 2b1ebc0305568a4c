import type { AddressInfo } from 'node:net'
import { makeServer } from './app.js'

const { server, close } = await makeServer()
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo // it listens on a port
  console.log(`Listening at http://127.0.0.1:${port}`)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close())
