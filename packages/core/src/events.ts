import { EventEmitter } from 'eventemitter3'
import type { Logger } from './context.js'
import type { PipelineError, StalledNode } from './errors.js'
import { isThenable } from './iterate.js'
import type { NodeState, RunState } from './lifecycle.js'

/** Rare events, each with one argument. What happens per item is counted and not told. */
export interface RunEvents {
  state: (change: { readonly from: RunState; readonly to: RunState }) => void
  'node:state': (change: { readonly node: string; readonly from: NodeState; readonly to: NodeState }) => void
  /** A failure: of an item, of a hook, of the run. */
  error: (error: PipelineError) => void
  /** Nothing moves any more: the run is about to fail. */
  stall: (stall: { readonly waits: readonly StalledNode[] }) => void
  warning: (warning: { readonly message: string; readonly node?: string }) => void
}

/** Calls listeners one by one; one that throws is logged and hurts nobody else. */
export class Events {
  readonly #emitter = new EventEmitter<RunEvents>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  on<E extends keyof RunEvents>(event: E, listener: RunEvents[E]): void {
    this.#emitter.on(event, listener as never)
  }

  off<E extends keyof RunEvents>(event: E, listener: RunEvents[E]): void {
    this.#emitter.off(event, listener as never)
  }

  /** How many listen to `event`. */
  count(event: keyof RunEvents): number {
    return this.#emitter.listenerCount(event)
  }

  emit<E extends keyof RunEvents>(event: E, payload: Parameters<RunEvents[E]>[0]): void {
    if (this.#emitter.listenerCount(event) === 0) return
    // The listeners are of this event's type; a union of functions is not callable without saying so.
    for (const listener of this.#emitter.listeners(event) as ((payload: unknown) => unknown)[]) {
      guarded(
        () => listener(payload),
        (err) => this.#logger.error({ err, event }, 'A listener threw'),
      )
    }
  }
}

/** Calls a listener; what it throws, or what a promise that it returns rejects with, hurts nobody. */
export function guarded(call: () => unknown, onError: (error: unknown) => void): void {
  try {
    const result = call()
    if (isThenable(result)) result.then(undefined, onError)
  } catch (error) {
    onError(error)
  }
}
