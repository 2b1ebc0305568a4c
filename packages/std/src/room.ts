import type { Writable } from 'node:stream'

/** What ends the wait for room: there is some, or there will never be any. */
const ENDS = ['drain', 'close', 'error'] as const

/** Who waits until a stream takes more: any number of callers with one listener each kind, and none while nobody waits. */
export class Room {
  readonly #stream: Writable
  readonly #waiting = new Set<() => void>()

  constructor(stream: Writable) {
    this.#stream = stream
  }

  /** Settles when the stream takes more, or has ended. Rejects with the reason of the signal. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const leave = (): void => {
        signal.removeEventListener('abort', abort)
        this.#waiting.delete(go)
        if (this.#waiting.size === 0) for (const end of ENDS) this.#stream.off(end, this.#open)
      }
      const go = (): void => {
        leave()
        resolve()
      }
      const abort = (): void => {
        leave()
        reject(signal.reason)
      }
      if (this.#waiting.size === 0) for (const end of ENDS) this.#stream.on(end, this.#open)
      this.#waiting.add(go)
      signal.addEventListener('abort', abort)
    })
  }

  readonly #open = (): void => {
    for (const go of [...this.#waiting]) go()
  }
}
