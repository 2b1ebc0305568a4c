import { Worker } from 'node:worker_threads'

/** Where the host has its end of a pipe: see `process-link.ts`. */
const LIFELINE = 4

/**
 * Runs beside a busy loop. It has nothing but a pipe to the host, on which nothing is ever sent: the pipe closes when the
 * host has ended, however that was. Nothing can be cleaned up then: nobody is left who could be told of it.
 */
const WATCH = `
const { Socket } = require('node:net')
const pipe = new Socket({ fd: ${LIFELINE}, readable: true, writable: false })
const end = () => process.kill(process.pid, 'SIGKILL')
pipe.on('close', end).on('error', end).resume()
`

/** Ends this process when its host has ended. */
export function followHost(): void {
  // Soon enough where it waits for messages; a watch of its own where it does not.
  process.once('disconnect', () => process.exit())
  new Worker(WATCH, { eval: true, stdin: false, execArgv: [], env: {} }).unref()
}
