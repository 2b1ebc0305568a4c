import type { Meta, SourceOutput } from '@pipelines/core/coro'
import { cloneError, uncloneable } from '../cloneable.js'
import { decodeError } from '../error-code.js'
import type { ToWorker } from '../messages.js'
import type { SessionPort } from './host-port.js'
import type { WorkerContext } from './worker-context.js'

/** What a source writes to, where it does not yield. */
export class SourcePuts implements SourceOutput {
  readonly #port: SessionPort
  readonly #context: WorkerContext
  readonly #waiting = new Map<number, { readonly resolve: () => void; readonly reject: (error: unknown) => void }>()
  #count = 0

  constructor(port: SessionPort, context: WorkerContext) {
    this.#port = port
    this.#context = context
  }

  get used(): boolean {
    return this.#count > 0
  }

  put(value: unknown, options?: { readonly meta?: Meta }): Promise<void> {
    const put = this.#count++
    this.#context.index = this.#count
    try {
      this.#port.post({ type: 'put', put, value, meta: options?.meta })
    } catch (error) {
      const problem = uncloneable(value, this.#port.copy) ?? uncloneable(options?.meta, this.#port.copy)
      const { node } = this.#context
      return Promise.reject(problem === undefined ? error : cloneError({ node, what: 'An output', ...problem }))
    }
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.set(put, { resolve, reject })
    })
    done.catch(() => {}) // one that nobody awaits must not end the worker
    return done
  }

  done({ put, error }: Extract<ToWorker, { type: 'put-done' }>): void {
    const waiting = this.#waiting.get(put)
    this.#waiting.delete(put)
    if (error === undefined) waiting?.resolve()
    else waiting?.reject(decodeError(error, this.#context.told))
  }
}
