import { at } from './arrays.js'
import type { Counters } from './counters.js'
import type { NodeProperties } from './defaults.js'
import type { Receiver } from './edge.js'
import { PipelineError } from './errors.js'
import type { Inlet, Wake } from './inlet.js'
import { type Packet, type Scope, tupleOf } from './packet.js'
import type { Queue } from './queue.js'

export interface ZipOptions {
  readonly node: string
  /** Names of the predecessors, in tuple order. */
  readonly inputs: readonly string[]
  readonly unequal: NodeProperties['unequal']
  readonly counters: Counters
  readonly scope: Scope
  readonly wake: Wake
  /** The run shall fail with this error once everything inside has flowed out. */
  readonly onUnequal: (error: PipelineError) => void
}

/**
 * Joins by position: the n-th packet of each input. Only for inputs that nothing connects, or only what gives one output
 * per input: a side that waits in its queue then cannot hold up the side it waits for.
 */
export class ZipInlet implements Inlet, Receiver {
  readonly #queues: readonly Queue[]
  readonly #o: ZipOptions
  #closed = false

  constructor(queues: readonly Queue[], options: ZipOptions) {
    this.#queues = queues
    this.#o = options
    queues.forEach((queue, input) => {
      queue.attach(this, input)
    })
  }

  get ready(): boolean {
    if (this.#o.unequal !== 'longest') return this.#queues.every((queue) => queue.size > 0)
    return this.#queues.some((queue) => queue.size > 0) && this.#queues.every((queue) => queue.size > 0 || queue.over)
  }

  get over(): boolean {
    return this.#closed || this.#queues.every((queue) => queue.over)
  }

  take(): Packet | undefined {
    if (!this.ready) return undefined
    const parts = this.#queues.map((queue) => queue.take())
    const packet = tupleOf(parts, this.#o.scope)
    this.#o.counters.received += packet.weight
    this.#settleLengths()
    return packet
  }

  /** How many items have come in part, and the inputs that the rest would come by. */
  get lacking(): { readonly items: number; readonly inputs: readonly string[] } {
    const items = Math.max(...this.#queues.map((queue) => queue.size))
    return { items, inputs: this.#o.inputs.filter((_, input) => this.#queues[input]?.size === 0) }
  }

  ask(): void {
    for (const queue of this.#queues) queue.giveBack()
  }

  cancel(scope: Scope): boolean {
    return this.#queues.map((queue) => queue.discard(scope)).includes(true)
  }

  close(): void {
    this.#closed = true
    for (const queue of this.#queues) queue.close()
  }

  clear(): void {
    this.#closed = true
    for (const queue of this.#queues) queue.clear()
  }

  arrived(): void {
    this.#settleLengths()
    this.#o.wake()
  }

  inputEnded(): void {
    this.#settleLengths()
    this.#o.wake()
  }

  /** One side has ended: decides about the others as soon as it is known that they are longer. */
  #settleLengths(): void {
    if (this.#closed || this.#o.unequal === 'longest') return
    if (!this.#queues.some((queue) => queue.over)) return
    const longer = this.#queues.some((queue) => queue.size > 0)
    if (this.#o.unequal === 'strict') {
      if (!longer) return
      const counts = this.#queues.map((queue, input) => [at(this.#o.inputs, input), queue.entered] as const)
      this.#o.onUnequal(new PipelineError('RUN_UNEQUAL', { node: this.#o.node, counts: Object.fromEntries(counts) }))
    }
    this.close()
  }
}
