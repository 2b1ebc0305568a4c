import {
  type Answer,
  DISPOSE_MS,
  DRAIN_MS,
  type Load,
  Network,
  type NetworkOptions,
  type Output,
  PipelineError,
  type PutOptions,
  quote,
  type RequestHandle,
  type RequestOptions,
  type RunEvents,
  type RunReport,
  type RunState,
  type Snapshot,
  show,
  type TapOptions,
} from '@pipelines/core'
import type { Contract } from './contract.js'
import { suggester } from './graph/names.js'
import { inletNumber } from './inputs.js'
import { mixedBehind } from './mixed.js'
import { OutputStream } from './output-stream.js'
import type { PlanIndex } from './plan-index.js'
import { checkProcessOptions, checkRunOptions, type ProcessOptions, type ProcessStreamOptions } from './run-options.js'
import { type EdgeName, type TapListener, tapOf } from './taps.js'

/** The outputs of a request, one by one. */
export interface RequestStream extends AsyncGenerator<Output, void, void> {
  /** Takes the request out: what waits for an output is rejected with `PLB_RUN_CANCELLED`, and its calls are told. */
  cancel(reason?: unknown): void
}

/** Where a value is put. */
export interface PipelinePutOptions extends PutOptions {
  /** Name of the inlet; may be left out where there is only one. */
  readonly node?: string
}

/** What a request is answered with, and whether it may be taken out before. */
interface Sending<T> {
  readonly select: (answer: Answer) => T
  readonly recallable: boolean
}

/** The options of a request for which none were given. */
const AS_USUAL: ProcessOptions = Object.freeze({})

/**
 * A running graph. It stands until its inputs have ended, or until it is drained or doomed; `settled` then has the
 * report. Two pipelines of one Plumber share nothing that changes.
 */
export class Pipeline implements AsyncDisposable {
  /** Settles with the report, whatever ends the run; never rejects. */
  readonly settled: Promise<RunReport>
  readonly #index: PlanIndex
  readonly #network: Network
  /** The only inlet, once a request was let in there. */
  #asked: number | undefined

  /** Made by `Plumber.createPipeline`. */
  constructor(index: PlanIndex, options: NetworkOptions) {
    this.#index = index
    this.#network = new Network(index.plan, options)
    this.settled = this.#network.settled
    this.#network.start()
  }

  /**
   * Puts a value into an inlet. Settles when every successor has accepted it, so it waits while they are full.
   *
   * @throws (rejects) `PLB_STATE_NOT_RUNNING` after `end`; `PLB_RUN_CANCELLED` when `signal` aborts first; the reason
   * when the run is doomed
   */
  async put(value: unknown, { node, ...options }: PipelinePutOptions = {}): Promise<void> {
    const { meta, signal } = options
    if (signal !== undefined) checkRunOptions({ signal })
    if (meta !== undefined && (typeof meta !== 'object' || meta === null))
      throw new PipelineError('OPTION_INVALID', { option: 'meta', what: `must be an object, got ${show(meta)}` })
    await this.#network.put(inletNumber(this.#index.inlets, node), value, options)
  }

  /**
   * Sends a value through the network and gives the one output that descends from it, as soon as nothing of it is on its
   * way any more. Its outputs go nowhere else.
   *
   * @throws (rejects) `PLB_RUN_CARDINALITY` unless there is exactly one output; with the error of an item of it that fails
   * under `onError: "fail"`, which ends this request alone; `PLB_RUN_CANCELLED` (an `AbortError`) when `signal` aborts;
   * `PLB_RUN_DEADLINE` after `timeoutMs`; `PLB_RUN_OVERLOADED` where `maxInFlight` are in flight; `PLB_OPTION_CONFLICT`
   * where a node behind the inlet gives outputs that belong to no single value; `PLB_STATE_NOT_RUNNING` after `end`;
   * with the error of the run if that ends before
   */
  process<T = unknown>(value: unknown, options: ProcessOptions = AS_USUAL): Promise<T> {
    return this.#ask(value, options, onlyValue) as Promise<T> // the caller's word for what the leaves give
  }

  /** Like {@link process}, for any number of outputs: all of them, in the order in which they were handed over. */
  processAll<T = unknown>(value: unknown, options: ProcessOptions = AS_USUAL): Promise<T[]> {
    return this.#ask(value, options, allValues) as Promise<T[]> // as above
  }

  /**
   * Like {@link process}, for any number of outputs: one by one, as they are made. It is sent with the first `next`; while
   * `queueSize` outputs wait to be taken the leaves wait, and with them whoever else needs those. Leaving the loop cancels
   * what is left of the request; an error is thrown after what was handed over before it.
   */
  processStream(value: unknown, options: ProcessStreamOptions = {}): RequestStream {
    checkProcessOptions(options)
    const { queueSize, ...given } = options
    return new OutputStream((onOutput, letGo) => {
      const request = this.request(value, { ...given, onOutput })
      request.answer.then(undefined, letGo)
      return { ended: request.answer, leave: () => request.cancel(), cancel: (reason) => request.cancel(reason) }
    }, queueSize)
  }

  /** Sends a value through the network: what {@link process} waits for, and a way to take it out again. */
  request(value: unknown, given: ProcessOptions & Pick<RequestOptions, 'onOutput'> = AS_USUAL): RequestHandle {
    const request = this.#send(value, given, { select: asItIs, recallable: true })
    request.answer.then(undefined, () => {}) // nobody has to wait for it
    return request
  }

  /** What its graph takes and gives. */
  get contract(): Contract {
    return this.#index.contract
  }

  /** What a run is at. */
  get state(): RunState {
    return this.#network.state
  }

  /** How busy it is behind an inlet. */
  load({ node }: { readonly node?: string } = {}): Load {
    return this.#network.load(inletNumber(this.#index.inlets, node))
  }

  /** No more input into one inlet, or into all. What was put flows out, and the run settles. */
  end({ node }: { readonly node?: string } = {}): void {
    for (const number of node === undefined ? this.#index.inlets.values() : [inletNumber(this.#index.inlets, node)])
      this.#network.end(number)
  }

  /** Everything as it is now. */
  snapshot(): Snapshot {
    return this.#network.snapshot()
  }

  /**
   * Shows samples of what a node hands on, or of what it offers to one edge; nothing is kept, and nothing waits for the
   * listener. The first value is a sample. The function that comes back ends the tap.
   *
   * @throws `PLB_OPTION_INVALID` for a node or edge that is not in the graph
   */
  tap(target: string | EdgeName, options: TapOptions | undefined, listener: TapListener): () => void
  tap(target: string | EdgeName, listener: TapListener): () => void
  tap(target: string | EdgeName, ...rest: readonly unknown[]): () => void {
    const { node, settings } = tapOf(target, rest, { plan: this.#index.plan, numberOf: (name) => this.#number(name) })
    return this.#network.tap(node, settings)
  }

  /** Takes no more items; calls in progress go on, and what they give is kept. */
  pause(): void {
    this.#network.pause()
  }

  resume(): void {
    this.#network.resume()
  }

  /** Sets how many items of a node are in progress at once, from now on. */
  setWorkers(node: string, count: number): void {
    if (!Number.isSafeInteger(count) || count < 1)
      throw new PipelineError('OPTION_INVALID', {
        option: 'workers',
        what: `must be an integer ≥ 1, got ${show(count)}`,
      })
    const number = this.#number(node)
    if (this.#index.sources.has(number))
      throw new PipelineError('OPTION_CONFLICT', { node, what: 'is a source, which has no workers' })
    if (this.#index.plan.nodes[number]?.properties.stateful === true)
      throw new PipelineError('OPTION_CONFLICT', { node, what: 'is stateful, so it has one worker' })
    this.#network.setWorkers(number, count)
  }

  /**
   * Closes the inputs and lets everything inside flow out; dooms what is left after four fifths of the deadline, and
   * settles by its end. Never rejects.
   *
   * @throws `PLB_OPTION_INVALID` for a deadline that is not a number of milliseconds
   */
  drain({ deadlineMs = DRAIN_MS }: { readonly deadlineMs?: number } = {}): Promise<RunReport> {
    checkRunOptions({ deadlineMs })
    return this.#network.drain(deadlineMs)
  }

  /** Cancels everything now. Idempotent; settles at the latest `graceMs` later. */
  doomsday(reason?: unknown): Promise<RunReport> {
    return this.#network.doomsday(reason)
  }

  /** Listens to a rare event; returns the function that stops listening. */
  on<E extends keyof RunEvents>(event: E, listener: RunEvents[E]): () => void {
    this.#network.events.on(event, listener)
    return () => this.#network.events.off(event, listener)
  }

  /** Nobody wants more outputs: ends the run as a success. */
  closeOutputs(): void {
    this.#network.closeOutputs()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain({ deadlineMs: DISPOSE_MS })
  }

  /** Sends a value through; what is wrong with the options rejects the answer as all else does. */
  #ask<T>(value: unknown, options: ProcessOptions, select: (answer: Answer) => T): Promise<T> {
    try {
      return this.#send(value, options, { select, recallable: options?.signal !== undefined }).answer
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #send<T>(value: unknown, given: ProcessOptions, { select, recallable }: Sending<T>): RequestHandle<T> {
    if (given === AS_USUAL) {
      this.#asked ??= this.#inletFor(undefined)
      return this.#network.request(this.#asked, value, { options: AS_USUAL, select, recallable })
    }
    checkProcessOptions(given)
    const { node, ...options } = given
    return this.#network.request(this.#inletFor(node), value, { options, select, recallable })
  }

  /** The inlet that a request enters by. */
  #inletFor(node: string | undefined): number {
    const number = inletNumber(this.#index.inlets, node)
    const mixed = mixedBehind(this.#index.plan, number)
    if (mixed !== undefined) throw new PipelineError('OPTION_CONFLICT', mixed)
    return number
  }

  #number(node: string): number {
    const number = this.#index.nodes.get(node)
    if (number !== undefined) return number
    throw new PipelineError('OPTION_INVALID', {
      option: 'node',
      what: `names ${quote(String(node))}, which is not in the graph`,
      suggestion: suggester([...this.#index.nodes.keys()])(String(node)),
    })
  }
}

function onlyValue({ outputs, skipped }: Answer): unknown {
  const [only] = outputs
  if (only === undefined || outputs.length > 1)
    throw new PipelineError('RUN_CARDINALITY', { count: outputs.length }, skipped)
  return only.value
}

function allValues({ outputs }: Answer): unknown[] {
  return outputs.map(({ value }) => value)
}

function asItIs(answer: Answer): Answer {
  return answer
}
