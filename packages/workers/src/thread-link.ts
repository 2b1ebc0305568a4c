import { type Transferable, Worker } from 'node:worker_threads'
import type { Copy } from './cloneable.js'
import type { Link, LinkUser, WorkerEnd } from './link.js'
import type { FromWorker, ToWorker } from './messages.js'
import type { ResolvedOptions } from './options.js'

/** The built file, also where this one is run from source: not every Node can load TypeScript. */
const ENTRY = new URL('../dist/worker/thread.js', import.meta.url)

/** A worker that is a thread. */
export class ThreadLink implements Link {
  readonly copy: Copy = structuredClone
  user: LinkUser | undefined
  readonly #thread: Worker
  readonly #ended: Promise<void>
  #error: unknown
  #killed = false

  constructor({ execArgv, env, resourceLimits }: ResolvedOptions) {
    this.#thread = new Worker(ENTRY, {
      ...(execArgv && { execArgv: [...execArgv] }),
      ...(env && { env }),
      ...(resourceLimits && { resourceLimits }),
    })
    this.#thread.unref()
    this.#thread.on('message', (message: FromWorker) => this.user?.received(message))
    // What cannot be read here is lost, and whoever waits for it would wait for ever.
    this.#thread.on('messageerror', (error) => {
      this.#error = error
      void this.#thread.terminate()
    })
    this.#thread.on('error', (error) => {
      this.#error = error
    })
    this.#ended = new Promise((resolve) => {
      this.#thread.once('exit', (code) => {
        resolve()
        const { user } = this
        this.user = undefined
        user?.ended(this.#end(code))
      })
    })
  }

  post(message: ToWorker, moved?: readonly Transferable[]): void {
    this.#thread.postMessage(message, moved)
  }

  hold(): void {
    this.#thread.ref()
  }

  letGo(): void {
    this.#thread.unref()
  }

  async kill(): Promise<void> {
    this.#killed = true
    await this.#thread.terminate()
    await this.#ended
  }

  #end(code: number): WorkerEnd {
    if (this.#killed) return { how: 'was ended, because it did not stop in time' }
    const error = this.#error
    if (error === undefined) return { how: `ended with the exit code ${code}` }
    const isFull = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
    if (!isFull) return { how: 'ended because of an error that nobody caught', cause: error }
    return { how: 'ran out of memory', hint: 'Give it more by "resourceLimits", or less to do at once.', cause: error }
  }
}
