import type { Logger } from './context.js'
import type { Meta } from './coro.js'
import { SAMPLES_PER_SECOND } from './defaults.js'
import { guarded } from './events.js'

/** A value that a node handed on, seen by a tap. */
export interface Sample {
  /** The node that gave it. */
  readonly node: string
  readonly port: string
  /** Where it went; absent for a tap of a node. */
  readonly to?: string
  /** By reference: a listener must not change it. */
  readonly value: unknown
  readonly meta: Meta
}

export interface TapOptions {
  /** Most samples per second; `Infinity` for every value. @defaultValue 10 */
  readonly perSecond?: number
}

/** Which of a node's outputs to look at: all of them, or those that take one edge. */
export interface TapTarget {
  readonly port?: string
  readonly to?: string
}

/** A tap as it is asked for. */
export interface TapSettings extends TapOptions {
  readonly target: TapTarget
  readonly listener: (sample: Sample) => void
}

interface Tap extends TapTarget {
  readonly listener: (sample: Sample) => void
  readonly intervalMs: number
  /** When the next sample is due. */
  due: number
}

/** The taps of one node's outputs. Nothing is kept and nothing waits: a value that comes too early is passed over. */
export class Taps {
  readonly #node: string
  readonly #logger: Logger
  readonly #taps = new Set<Tap>()

  constructor(node: string, logger: Logger) {
    this.#node = node
    this.#logger = logger
  }

  /** Adds a tap; the function that comes back removes it. */
  add({ target, listener, perSecond = SAMPLES_PER_SECOND }: TapSettings): () => void {
    const tap: Tap = { ...target, listener, intervalMs: 1000 / perSecond, due: Number.NEGATIVE_INFINITY }
    this.#taps.add(tap)
    return () => this.#taps.delete(tap)
  }

  get none(): boolean {
    return this.#taps.size === 0
  }

  /** A value is handed on by `port`. */
  see(port: string, value: unknown, meta: Meta): void {
    for (const tap of [...this.#taps]) {
      if (tap.port !== undefined && tap.port !== port) continue
      if (tap.intervalMs > 0) {
        const now = performance.now()
        if (now < tap.due) continue
        tap.due = now + tap.intervalMs
      }
      const to = tap.to === undefined ? undefined : { to: tap.to }
      guarded(
        () => tap.listener({ node: this.#node, port, ...to, value, meta }),
        (err) => this.#logger.error({ err, node: this.#node }, 'A tap threw'),
      )
    }
  }
}
