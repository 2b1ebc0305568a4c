import type { Transferable } from 'node:worker_threads'
import type { Copy } from '../cloneable.js'
import type { FromWorker, ToHost, ToWorker } from '../messages.js'

/** The program that a worker works for, seen from the worker. */
export interface HostPort {
  /** How values reach it. */
  readonly copy: Copy
  /** Throws a `DataCloneError` where something in the message cannot be copied; then nothing was sent. */
  post(message: FromWorker, moved?: readonly Transferable[]): void
  listen(listener: (message: ToWorker) => void): void
}

/** The same for one session: silent before it and after it. */
export class SessionPort {
  readonly copy: Copy
  readonly #port: HostPort
  readonly #session: number
  #closed = false

  constructor(port: HostPort, session: number) {
    this.copy = port.copy
    this.#port = port
    this.#session = session
  }

  /** Throws as {@link HostPort.post} does. */
  post(message: ToHost, moved?: readonly Transferable[]): void {
    if (!this.#closed) this.#port.post({ session: this.#session, message }, moved)
  }

  /** What the coroutines of the session have left behind is not heard any more. */
  close(): void {
    this.#closed = true
  }
}
