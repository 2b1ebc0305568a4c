import { buffersIn } from '../buffers.js'
import { cloneError, uncloneable } from '../cloneable.js'
import { type Given, together } from '../given.js'
import type { Session } from '../session.js'
import type { SessionPort } from './host-port.js'

/** Most outputs that nobody has taken yet. */
const AHEAD = 64
/** Most bytes of large buffers in them. */
const BYTES = 2 ** 20
/** Milliseconds for which outputs are kept, so that they travel together. */
const KEEP_MS = 1

/** What a call gives one by one, on its way to the host; no more of it than may be ahead. */
export class Outputs {
  /** For how long whoever adds has waited for room. */
  waitedMs = 0
  readonly #port: SessionPort
  readonly #session: Session
  #given: Given[] = []
  #moved: ArrayBuffer[] = []
  /** How many more may be made, as far as their number goes. */
  #credit = 0
  /** Bytes in each of those that nobody has taken, and together. */
  #ahead: number[] = []
  #bytes = 0
  readonly #seen = new Set<ArrayBufferLike>()
  #sinceMs = 0
  #soon: NodeJS.Immediate | undefined
  /** Of a flush that nobody could be told of. */
  #failure: { readonly error: unknown } | undefined
  readonly #room: (() => void)[] = []

  constructor(port: SessionPort, session: Session) {
    this.#port = port
    this.#session = session
  }

  /** Whether whoever adds has to wait for room. */
  get isFull(): boolean {
    return this.#credit <= 0 || (this.#bytes >= BYTES && !this.#session.inStep)
  }

  add(given: Given): void {
    if (this.#failure !== undefined) this.flush()
    const { bytes, movable, all } = buffersIn(given.value)
    // Two with the same buffer would have the same copy of it too, if they travelled together.
    if (all.some((buffer) => this.#seen.has(buffer))) this.flush()
    for (const buffer of all) this.#seen.add(buffer)
    if (this.#given.length === 0) this.#sinceMs = performance.now()
    this.#given.push(given)
    this.#credit--
    if (this.#session.moves) this.#moved.push(...movable)
    this.#ahead.push(bytes)
    this.#bytes += bytes
    if (this.isFull || performance.now() - this.#sinceMs >= KEEP_MS) this.flush()
  }

  /** A stream that has taken so many inputs waits for the next: what there is goes along. */
  wants(inputs: number, spentMs: number): void {
    if (this.#failure !== undefined) this.flush()
    // Others may have use for the rest meanwhile. It comes again with the inputs.
    if (this.#session.inStep) this.#credit = Math.min(this.#credit, 1)
    this.#given.push({ inputs, wants: spentMs })
    this.flush()
  }

  /** Sends what there is once the event loop goes round: whoever waits now may wait for what is there already. */
  flushSoon(): void {
    if (this.#given.length === 0 || this.#soon !== undefined) return
    this.#soon = setImmediate(() => {
      this.#soon = undefined
      try {
        this.flush()
      } catch (error) {
        this.#failure ??= { error }
      }
    })
  }

  /** Throws where something in it cannot be sent; what was before that was sent. */
  flush(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure.error
    const given = this.#given
    if (given.length === 0) return
    const moved = [...new Set(this.#moved)]
    this.#given = []
    this.#moved = []
    this.#seen.clear()
    try {
      this.#port.post({ type: 'outputs', ...together(given) }, moved)
    } catch {
      for (const one of given) this.#postOne(one)
    }
  }

  /** So many were taken. */
  taken(count: number): void {
    for (const bytes of this.#ahead.splice(0, count)) this.#bytes -= bytes
    this.#credit += count
    if (!this.isFull) this.open()
  }

  /** Settles when there is room, or nobody wants more. */
  async room(): Promise<void> {
    const since = performance.now()
    await new Promise<void>((resolve) => this.#room.push(resolve))
    this.waitedMs += performance.now() - since
  }

  /** Lets whoever waits for room go on. */
  open(): void {
    for (const resolve of this.#room.splice(0)) resolve()
  }

  /** Nobody wants more: what is made is not counted any more. */
  end(): void {
    this.#credit = Number.POSITIVE_INFINITY
    this.open()
  }

  /** Another call begins. */
  reset(): void {
    this.#ahead = []
    this.#bytes = 0
    this.#credit = this.#session.inStep ? 0 : AHEAD
  }

  #postOne(one: Given): void {
    const problem = uncloneable(one.value, this.#port.copy) ?? uncloneable(one.meta, this.#port.copy)
    if (problem !== undefined) throw cloneError({ node: this.#session.node, what: 'An output', ...problem })
    this.#port.post({ type: 'outputs', ...together([one]) })
  }
}
