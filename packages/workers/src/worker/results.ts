import { type Buffers, buffersIn } from '../buffers.js'
import { cloneError, uncloneable } from '../cloneable.js'
import { encodeError } from '../error-code.js'
import type { Oddity } from '../messages.js'
import type { Session } from '../session.js'
import type { HostPort } from './host-port.js'

/**
 * Milliseconds for which results are kept, so that they travel together. What a thread has done and not yet said is lost
 * when it dies without being able to say so, as when its memory is full.
 */
const KEEP_MS = 0.2

/** Results on their way to the host. */
export class Results {
  readonly #port: HostPort
  readonly #session: Session
  #values: unknown[] = []
  #odd: [number, Oddity][] = []
  #buffers: Buffers[] = []
  #sinceMs = 0

  constructor(port: HostPort, session: Session) {
    this.#port = port
    this.#session = session
  }

  /** A call begins. */
  begin(): void {
    if (this.#values.length === 0) this.#sinceMs = performance.now()
  }

  add(value: unknown, oddity?: Oddity): void {
    if (oddity !== undefined) this.#odd.push([this.#values.length, oddity])
    this.#values.push(value)
    const buffers = buffersIn(value)
    if (buffers.bytes > 0) this.#buffers.push(buffers)
    if (performance.now() - this.#sinceMs >= KEEP_MS) this.flush()
  }

  flush(): void {
    const values = this.#values
    if (values.length === 0) return
    const odd = this.#odd
    const buffers = this.#buffers
    const spentMs = performance.now() - this.#sinceMs
    this.#values = []
    this.#odd = []
    this.#buffers = []
    this.#sinceMs += spentMs
    const bytes = buffers.reduce((sum, one) => sum + one.bytes, 0)
    const moved = this.#session.moves ? [...new Set(buffers.flatMap(({ movable }) => movable))] : []
    try {
      this.#port.post({ type: 'results', values, ...(odd.length > 0 && { odd }), spentMs, bytes }, moved)
    } catch {
      this.#portable(values, odd)
      this.#port.post({ type: 'results', values, ...(odd.length > 0 && { odd }), spentMs, bytes })
    }
  }

  /** Puts errors in the place of what cannot be sent. */
  #portable(values: unknown[], odd: [number, Oddity][]): void {
    const known = new Map(odd)
    for (const [place, value] of values.entries()) {
      const oddity = known.get(place)
      const emitted = oddity?.is === 'emitted' ? oddity.emitted : undefined
      const problem = uncloneable(value) ?? (emitted && uncloneable(emitted))
      if (problem === undefined) continue
      const { node } = this.#session
      values[place] = undefined
      known.set(place, { is: 'error', error: encodeError(cloneError({ node, what: 'An output', ...problem })) })
    }
    odd.splice(0, odd.length, ...[...known].sort(([a], [b]) => a - b))
  }
}
