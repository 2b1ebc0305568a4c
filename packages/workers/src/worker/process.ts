import { copyApart } from '../cloneable.js'
import type { ToWorker } from '../messages.js'
import { followHost } from './lifeline.js'
import { serve } from './serve.js'

if (process.send === undefined)
  throw new Error('This file is for processes that are started by processes() of @pipelines/workers.')
followHost()
serve({
  copy: copyApart,
  post: (message) => void process.send?.(message, undefined, {}, () => {}),
  listen: (listener) => void process.on('message', (message) => listener(message as ToWorker)),
})
