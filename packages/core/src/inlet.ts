import { at } from './arrays.js'
import type { Counters } from './counters.js'
import type { Receiver } from './edge.js'
import type { PipelineError } from './errors.js'
import type { Packet, Scope } from './packet.js'
import type { Queue } from './queue.js'
import { Ring } from './ring.js'

/** An item that failed before its call. It is handed over all the same where what becomes of it has to wait its turn. */
export class Faulty {
  readonly packet: Packet
  readonly error: PipelineError

  constructor(packet: Packet, error: PipelineError) {
    this.packet = packet
    this.error = error
  }
}

export type Taken = Packet | Faulty

/**
 * Where a node's packets come from: the port that the ways of joining inputs implement. Each of them counts `received`
 * when it takes a packet from an edge.
 */
export interface Inlet {
  /** Whether {@link take} has something to give. */
  readonly ready: boolean
  /** Whether nothing is there and nothing will come. */
  readonly over: boolean
  /** The next packet for a call, or `undefined` when there is none now. */
  take(): Taken | undefined
  /** Where items come from, if they may come without packets. */
  readonly bareInput?: BareInput | undefined
  /** Whether it will have something to give when a time has come. */
  readonly timed?: boolean
  /** A packet that was taken is worked off. Absent where nobody needs to know. */
  done?(packet: Packet): void
  /** Takes a packet that the node before is done with. Absent where nobody calls the node on the spot. */
  land?(packet: Packet): void
  /** Whoever had a packet asks for the next: its place on the way is free. */
  ask(packet: Packet): void
  /** Takes out all packets of a request that was cancelled; tells whether there were any. */
  cancel(scope: Scope): boolean
  /** The node wants no more: closes the edges, and so stops whoever feeds only them. */
  close(): void
  /** Everything ends now: what waits is lost, nobody is told. */
  clear(): void
}

/** Where items may come from without packets. */
export interface BareInput {
  /** Whether the next ones have none. */
  readonly bare: boolean
  /** The next one: only while {@link bare}, and ready. */
  takeBare(): unknown
  /** Whether nothing is there, and something may come. */
  readonly isIdle: boolean
  /** How many parts the next one has; absent where it is no tuple. */
  readonly width?: number
}

/** What an inlet tells the node that takes from it. */
export interface InletHooks {
  readonly wake: Wake
  /** An item has failed before its call. */
  readonly onFault: (packet: Packet, error: PipelineError) => void
  /** A packet was taken and will not be processed. */
  readonly onGivenUp: (packet: Packet) => void
  /** A packet was taken and needs no call. */
  readonly onPassed: (packet: Packet) => void
  /** The key of a packet; or what it fails with because it has none, or `undefined` if it has failed already. */
  readonly keyOf: (packet: Packet) => { readonly key: unknown } | Faulty | undefined
}

/** Whoever takes from an inlet; called when there may be something new to take, or to end. */
export type Wake = () => void

/** One edge. */
export class SingleInlet implements Inlet, Receiver {
  readonly #queue: Queue
  readonly #counters: Counters
  readonly #wake: Wake

  constructor(queue: Queue, counters: Counters, wake: Wake) {
    this.#queue = queue
    this.#counters = counters
    this.#wake = wake
    queue.attach(this, 0)
  }

  get ready(): boolean {
    return this.#queue.size > 0
  }

  get bareInput(): BareInput | undefined {
    return this.#queue.takesBare ? this.#queue : undefined
  }

  get over(): boolean {
    return this.#queue.over
  }

  ask(): void {
    this.#queue.giveBack()
  }

  land(packet: Packet): void {
    this.#queue.land(packet)
  }

  cancel(scope: Scope): boolean {
    return this.#queue.discard(scope)
  }

  take(): Packet | undefined {
    const packet = this.#queue.take()
    if (packet !== undefined) this.#counters.received++
    return packet
  }

  close(): void {
    this.#queue.close()
  }

  clear(): void {
    this.#queue.clear()
  }

  arrived(): void {
    this.#wake()
  }

  inputEnded(): void {
    this.#wake()
  }
}

/** Several edges, merged: round-robin among those that hold packets, first in first out for each. */
export class MergeInlet implements Inlet, Receiver {
  readonly #queues: readonly Queue[]
  readonly #counters: Counters
  readonly #wake: Wake
  /** Inputs that hold packets, each once, in the order of their turns. */
  readonly #turns = new Ring<number>()
  /** Where the packets in work came from, as far as that queue wants to know when they are done. */
  readonly #from = new Map<Packet, Queue>()
  #open: number
  /** The input being taken from: a waiting producer that refills it must not give it a second turn. */
  #taking: number | undefined

  constructor(queues: readonly Queue[], counters: Counters, wake: Wake) {
    this.#queues = queues
    this.#counters = counters
    this.#wake = wake
    this.#open = queues.length
    queues.forEach((queue, input) => {
      queue.attach(this, input)
    })
  }

  get ready(): boolean {
    return this.#turns.size > 0
  }

  get over(): boolean {
    return this.#open === 0 && this.#turns.size === 0
  }

  take(): Packet | undefined {
    const input = this.#turns.shift()
    if (input === undefined) return undefined
    const queue = at(this.#queues, input)
    this.#taking = input
    const packet = queue.take()
    this.#taking = undefined
    if (queue.size > 0) this.#turns.push(input)
    if (packet === undefined) return undefined
    this.#counters.received++
    if (queue.bounded) this.#from.set(packet, queue)
    return packet
  }

  ask(packet: Packet): void {
    this.#from.get(packet)?.giveBack()
    this.#from.delete(packet)
  }

  cancel(scope: Scope): boolean {
    let found = false
    for (const [input, queue] of this.#queues.entries()) {
      if (queue.discard(scope)) found = true
      if (queue.size === 0) this.#turns.remove((turn) => turn === input)
    }
    return found
  }

  close(): void {
    for (const queue of this.#queues) queue.close()
    this.#forget()
  }

  clear(): void {
    for (const queue of this.#queues) queue.clear()
    this.#forget()
  }

  arrived(input: number): void {
    if (input === this.#taking) return
    this.#turns.push(input)
    this.#wake()
  }

  inputEnded(): void {
    this.#open--
    this.#wake()
  }

  #forget(): void {
    this.#turns.remove(() => true)
    this.#open = 0
  }
}
