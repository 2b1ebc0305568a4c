import type { AddressInfo } from 'node:net'
import { makeApp } from './app.js'

const { app, served } = await makeApp()
const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', (error) => {
  if (error) throw error
  const { port } = server.address() as AddressInfo // it listens on a port
  console.log(`Listening at http://127.0.0.1:${port}`)
})
served.attach(server)
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void served.close({ deadlineMs: 5_000 }))
