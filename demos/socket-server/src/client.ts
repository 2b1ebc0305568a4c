import { readFileSync } from 'node:fs'
import { io } from 'socket.io-client'

const [, , url = 'http://127.0.0.1:3000', file = new URL('../graph.json', import.meta.url)] = process.argv
const socket = io(url)
socket.on('recv', (message) => console.log(message))
const { ok, error } = await socket.emitWithAck('process_msg', JSON.parse(readFileSync(file, 'utf8')))
console.log(ok ? 'done' : error)
process.exitCode = ok ? 0 : 1
socket.close()
