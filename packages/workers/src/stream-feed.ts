import { type Context, reasonOf, type StreamInput, type StreamInputs } from '@pipelines/core'
import { buffersIn } from './buffers.js'
import { cloneError, uncloneable } from './cloneable.js'
import { encodeUnlessTold } from './error-code.js'
import type { Lane } from './lane.js'
import type { Feed } from './remote-outputs.js'

export interface StreamFeedOptions {
  readonly context: Pick<Context, 'index' | 'node' | 'signal'>
  /** Whether large buffers in inputs are moved. */
  readonly moves: boolean
  /** Whether outputs are allowed with the inputs that they come of. */
  readonly inStep: boolean
}

/** Sends a stream in a worker its inputs: those that wait when it asks for one go together. */
export class StreamFeed implements Feed {
  readonly #lane: Lane
  readonly #inputs: StreamInputs
  readonly #context: Pick<Context, 'index' | 'node' | 'signal'>
  readonly #moves: boolean
  readonly #inStep: boolean
  /** The number of the input in hand, counted from 1. */
  #at = 0
  #sent = 0
  /** The number of the last input that was sent. */
  #all = 0

  constructor(lane: Lane, inputs: StreamInputs, { context, moves, inStep }: StreamFeedOptions) {
    this.#lane = lane
    this.#inputs = inputs
    this.#context = context
    this.#moves = moves
    this.#inStep = inStep
  }

  get ahead(): number {
    return this.#all - this.#at
  }

  advance(inputs: number): void | Promise<void> {
    while (this.#at < inputs) {
      this.#at++
      const advancing = this.#inputs.advance()
      if (advancing !== undefined) return advancing.then(() => this.advance(inputs))
    }
  }

  give(spentMs: number, allow: (outputs: number) => number): void {
    this.#lane.pace.note(this.#sent, spentMs, 0)
    void this.#give(allow)
  }

  async #give(allow: (outputs: number) => number): Promise<void> {
    try {
      const { inputs, places } = await this.#inputs.some(this.#lane.pace.batch)
      if (inputs.length === 0) return this.#lane.post({ type: 'inputs-over' })
      this.#at++
      this.#sent = inputs.length
      this.#all = this.#at + inputs.length - 1
      this.#send(inputs, this.#inStep ? allow(places) : 0)
    } catch (error) {
      this.#lane.post({ type: 'inputs-failed', error: encodeUnlessTold(error, this.#context.signal) })
    }
  }

  #send(inputs: readonly StreamInput[], allowed: number): void {
    const values = inputs.map(({ value }) => value)
    const moved = this.#moves ? values.flatMap((value) => buffersIn(value).movable) : []
    try {
      this.#lane.post({ type: 'inputs', values, ...metasOf(inputs), index: this.#context.index, allowed }, [
        ...new Set(moved),
      ])
    } catch (error) {
      const { path, why } = uncloneable(values, this.#lane.copy) ?? { path: '', why: reasonOf(error) }
      throw cloneError({ node: this.#context.node, what: 'An input', path: path.replace(/^\[\d+\]/, ''), why })
    }
  }
}

/** The metas of inputs, where there are any. */
function metasOf(inputs: readonly StreamInput[]): { readonly metas?: readonly StreamInput['meta'][] } {
  const metas = inputs.map(({ meta }) => meta)
  return metas.some((meta) => Object.keys(meta).length > 0) ? { metas } : {}
}
