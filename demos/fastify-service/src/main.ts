import { makeApp } from './app.js'

const { PORT = 3000, MAX_IN_FLIGHT = 100 } = process.env
const app = await makeApp(Number(MAX_IN_FLIGHT))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void app.close())
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
