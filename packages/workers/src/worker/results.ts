import { type Buffers, buffersIn } from '../buffers.js'
import { cloneError, uncloneable } from '../cloneable.js'
import { encodeError } from '../error-code.js'
import type { Oddity } from '../messages.js'
import type { Session } from '../session.js'
import type { SessionPort } from './host-port.js'

/**
 * Milliseconds for which results are kept, so that they travel together. What a thread has done and not yet said is lost
 * when it dies without being able to say so, as when its memory is full.
 */
const KEEP_MS = 0.2

/** Results on their way to the host. */
export class Results {
  readonly #port: SessionPort
  readonly #session: Session
  #values: unknown[] = []
  #odd: [number, Oddity][] = []
  #buffers: Buffers[] = []
  readonly #seen = new Set<ArrayBufferLike>()
  #sinceMs = 0
  #soon: NodeJS.Immediate | undefined

  constructor(port: SessionPort, session: Session) {
    this.#port = port
    this.#session = session
  }

  /** A call begins. */
  begin(): void {
    if (this.#values.length === 0) this.#sinceMs = performance.now()
  }

  add(value: unknown, oddity?: Oddity): void {
    const buffers = buffersIn(value)
    // Two results with the same buffer would have the same copy of it too, if they travelled together.
    if (buffers.all.some((buffer) => this.#seen.has(buffer))) this.flush()
    for (const buffer of buffers.all) this.#seen.add(buffer)
    if (oddity !== undefined) this.#odd.push([this.#values.length, oddity])
    this.#values.push(value)
    if (buffers.bytes > 0) this.#buffers.push(buffers)
    if (performance.now() - this.#sinceMs >= KEEP_MS) this.flush()
  }

  /** Sends what there is once the event loop goes round: whoever waits now may wait for what is there already. */
  flushSoon(): void {
    if (this.#values.length === 0 || this.#soon !== undefined) return
    this.#soon = setImmediate(() => {
      this.#soon = undefined
      this.flush()
    })
  }

  /** Never throws. */
  flush(): void {
    const values = this.#values
    if (values.length === 0) return
    const odd = this.#odd
    const buffers = this.#buffers
    const spentMs = performance.now() - this.#sinceMs
    this.#values = []
    this.#odd = []
    this.#buffers = []
    this.#seen.clear()
    this.#sinceMs += spentMs
    const bytes = buffers.reduce((sum, one) => sum + one.bytes, 0)
    const moved = this.#session.moves ? [...new Set(buffers.flatMap(({ movable }) => movable))] : []
    try {
      this.#port.post({ type: 'results', values, ...(odd.length > 0 && { odd }), spentMs, bytes }, moved)
    } catch {
      this.#port.post({ type: 'results', ...this.#portable(values, odd), spentMs, bytes })
    }
  }

  /** The same with errors in the place of what cannot be sent; every value is tried by itself. */
  #portable(values: readonly unknown[], odd: readonly (readonly [number, Oddity])[]): SomeResults {
    const oddities = new Map(odd)
    const sendable = values.map((value, place) => {
      const oddity = oddities.get(place)
      const problem = uncloneable([value, oddity], this.#port.copy)
      if (problem === undefined) return value
      const { node } = this.#session
      const path = problem.path.replace(/^\[[01]\](?:\.emitted\[\d+\]\.value)?/, '')
      const error = cloneError({ node, what: 'An output', path, why: problem.why })
      oddities.set(place, { is: 'error', error: encodeError(error) })
      return undefined
    })
    return { values: sendable, odd: [...oddities].sort(([a], [b]) => a - b) }
  }
}

interface SomeResults {
  readonly values: readonly unknown[]
  readonly odd: readonly (readonly [number, Oddity])[]
}
