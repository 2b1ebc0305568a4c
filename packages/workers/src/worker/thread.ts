import { parentPort } from 'node:worker_threads'
import { serve } from './serve.js'

const port = parentPort
if (port === null) throw new Error('This file is for threads that are started by threads() of @pipelines/workers.')
serve({
  post: (message, moved) => port.postMessage(message, moved),
  listen: (listener) => void port.on('message', listener),
})
