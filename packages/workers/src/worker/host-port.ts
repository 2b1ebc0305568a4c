import type { Transferable } from 'node:worker_threads'
import type { ToHost, ToWorker } from '../messages.js'

/** The program that a worker works for, seen from the worker. */
export interface HostPort {
  /** Throws a `DataCloneError` where something in the message cannot be copied; then nothing was sent. */
  post(message: ToHost, moved?: readonly Transferable[]): void
  listen(listener: (message: ToWorker) => void): void
}
