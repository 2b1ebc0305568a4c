import { buffersIn } from '../buffers.js'
import { cloneError, uncloneable } from '../cloneable.js'
import type { Given } from '../messages.js'
import type { Session } from '../session.js'
import type { HostPort } from './host-port.js'

/** Most outputs that nobody has taken yet. */
const AHEAD = 64
/** Most bytes of large buffers in them. */
const BYTES = 2 ** 20
/** Milliseconds for which outputs are kept, so that they travel together. */
const KEEP_MS = 1

/** What a call gives one by one, on its way to the host; no more of it than may be ahead. */
export class Outputs {
  readonly #port: HostPort
  readonly #session: Session
  #given: Given[] = []
  #moved: ArrayBuffer[] = []
  /** Bytes in each of those that nobody has taken. */
  #ahead: number[] = []
  #bytes = 0
  #sinceMs = 0
  #room: (() => void) | undefined

  constructor(port: HostPort, session: Session) {
    this.#port = port
    this.#session = session
  }

  /** Whether whoever adds has to wait for room. */
  get isFull(): boolean {
    return this.#ahead.length >= AHEAD || this.#bytes >= BYTES
  }

  add(given: Given): void {
    if (this.#given.length === 0) this.#sinceMs = performance.now()
    this.#given.push(given)
    const { bytes, movable } = buffersIn(given.value)
    if (this.#session.moves) this.#moved.push(...movable)
    this.#ahead.push(bytes)
    this.#bytes += bytes
    if (this.isFull || performance.now() - this.#sinceMs >= KEEP_MS) this.flush()
  }

  /** Throws where something in it cannot be sent; what was before that was sent. */
  flush(): void {
    const given = this.#given
    if (given.length === 0) return
    const moved = [...new Set(this.#moved)]
    this.#given = []
    this.#moved = []
    try {
      this.#port.post({ type: 'outputs', given }, moved)
    } catch {
      for (const one of given) this.#postOne(one)
    }
  }

  /** So many were taken. */
  taken(count: number): void {
    for (const bytes of this.#ahead.splice(0, count)) this.#bytes -= bytes
    if (!this.isFull) this.open()
  }

  /** Settles when there is room, or nobody wants more. */
  room(): Promise<void> {
    return new Promise((resolve) => {
      this.#room = resolve
    })
  }

  /** Lets whoever waits for room go on. */
  open(): void {
    const room = this.#room
    this.#room = undefined
    room?.()
  }

  /** Another call begins. */
  reset(): void {
    this.#ahead = []
    this.#bytes = 0
  }

  #postOne(one: Given): void {
    const problem = uncloneable(one.value) ?? uncloneable(one.meta)
    if (problem !== undefined) throw cloneError({ node: this.#session.node, what: 'An output', ...problem })
    this.#port.post({ type: 'outputs', given: [one] })
  }
}
