import { type Context, reasonOf, type StreamInputs } from '@pipelines/core'
import { buffersIn } from './buffers.js'
import { cloneError, uncloneable } from './cloneable.js'
import { encodeUnlessTold } from './error-code.js'
import type { Lane } from './lane.js'
import type { Feed } from './remote-outputs.js'

export interface StreamFeedOptions {
  readonly context: Pick<Context, 'index' | 'meta' | 'node' | 'signal'>
  /** Whether no input may be sent before the one before it is worked off. */
  readonly oneByOne: boolean
  /** Whether large buffers in inputs are moved. */
  readonly moves: boolean
}

/** Sends a stream in a worker its inputs: those that wait when it asks for one go together. */
export class StreamFeed implements Feed {
  readonly #lane: Lane
  readonly #inputs: StreamInputs
  readonly #context: Pick<Context, 'index' | 'meta' | 'node' | 'signal'>
  readonly #oneByOne: boolean
  readonly #moves: boolean
  /** The number of the input in hand, counted from 1. */
  #at = 0
  #sentMs = 0
  #sent = 0

  constructor(lane: Lane, inputs: StreamInputs, { context, oneByOne, moves }: StreamFeedOptions) {
    this.#lane = lane
    this.#inputs = inputs
    this.#context = context
    this.#oneByOne = oneByOne
    this.#moves = moves
  }

  advance(inputs: number): Promise<void> | undefined {
    return this.#at < inputs ? this.#advance(inputs) : undefined
  }

  give(): void {
    this.#lane.pace.note(this.#sent, performance.now() - this.#sentMs, 0)
    void this.#give()
  }

  async #advance(inputs: number): Promise<void> {
    for (; this.#at < inputs; this.#at++) await this.#inputs.advance()
  }

  async #give(): Promise<void> {
    try {
      const step = await this.#inputs.next()
      if (step.done === true) return this.#lane.post({ type: 'inputs-over' })
      this.#at++
      const { index, meta } = this.#context
      const ahead = this.#oneByOne ? [] : this.#inputs.ahead(this.#lane.pace.batch - 1)
      this.#sent = ahead.length + 1
      this.#sentMs = performance.now()
      this.#send([{ value: step.value, meta }, ...ahead], index)
    } catch (error) {
      this.#lane.post({ type: 'inputs-failed', error: encodeUnlessTold(error, this.#context.signal) })
    }
  }

  #send(inputs: ReturnType<StreamInputs['ahead']>, index: number): void {
    const values = inputs.map(({ value }) => value)
    const moved = this.#moves ? values.flatMap((value) => buffersIn(value).movable) : []
    try {
      this.#lane.post({ type: 'inputs', values, metas: inputs.map(({ meta }) => meta), index }, [...new Set(moved)])
    } catch (error) {
      const { path, why } = uncloneable(values, this.#lane.copy) ?? { path: '', why: reasonOf(error) }
      throw cloneError({ node: this.#context.node, what: 'An input', path: path.replace(/^\[\d+\]/, ''), why })
    }
  }
}
