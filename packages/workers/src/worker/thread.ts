import { parentPort } from 'node:worker_threads'
import { serve } from './serve.js'

const port = parentPort
if (port === null) throw new Error('This file is for threads that are started by threads() of @pipelines/workers.')
serve({
  copy: structuredClone,
  post: (message, moved) => port.postMessage(message, moved),
  listen: (listener) => {
    port.on('message', listener)
    // What cannot be read is lost, and the host would wait for ever.
    port.on('messageerror', (error) => {
      throw error
    })
  },
})
