import type { Transferable } from 'node:worker_threads'
import type { Copy } from './cloneable.js'
import type { FromWorker, ToWorker } from './messages.js'

/** How a worker ended. */
export interface WorkerEnd {
  /** In words that follow "a worker". */
  readonly how: string
  readonly hint?: string
  /** What was thrown in it, if that is known. */
  readonly cause?: unknown
}

/** Who uses a worker at the moment. */
export interface LinkUser {
  /** A message has come: perhaps one of a stranger in the worker. */
  received(message: FromWorker | undefined): void
  /** It has ended; nothing comes any more. Told once. */
  ended(end: WorkerEnd): void
}

/**
 * A running worker, seen from the program that started it: the port that threads and processes implement. It keeps the
 * program alive only while it is held.
 */
export interface Link {
  /** How values reach it. */
  readonly copy: Copy
  /** Whoever uses it; absent while nobody does. */
  user: LinkUser | undefined
  /** Throws a `DataCloneError` where something in the message cannot be copied; then nothing was sent. */
  post(message: ToWorker, moved?: readonly Transferable[]): void
  /** Keeps the program alive until it is let go. */
  hold(): void
  letGo(): void
  /** Ends it, whatever it does. Settles when it has ended; never rejects. */
  kill(): Promise<void>
}
