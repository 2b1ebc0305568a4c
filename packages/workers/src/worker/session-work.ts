import {
  type AnyIterator,
  type Context,
  DROP,
  isGenerator,
  isThenable,
  iteratorOf,
  PipelineError,
  show,
  type TeardownReason,
} from '@pipelines/core/coro'
import { decodeError, type EncodedError } from '../error-code.js'
import type { ToWorker } from '../messages.js'
import type { Session } from '../session.js'
import { Drawing } from './drawing.js'
import type { SessionPort } from './host-port.js'
import type { Loaded } from './load.js'
import { Outputs } from './outputs.js'
import { Results } from './results.js'
import { SourcePuts } from './source-puts.js'
import { StreamInputs } from './stream-inputs.js'
import { type Task, Tasks } from './tasks.js'
import { WorkerContext } from './worker-context.js'

/** The methods of a coroutine as they are called. */
interface Methods {
  setup?(context: Context): unknown
  run(input: unknown, context: Context): unknown
  flush?(context: Context): unknown
  teardown?(context: Context, reason: TeardownReason): unknown
}

/**
 * What a worker does for one node: the calls it is sent, one after the other, in their order. What a call gives is told
 * as soon as the next one would have to wait for something, or after a short time.
 */
export class SessionWork {
  readonly #session: Session
  readonly #port: SessionPort
  readonly #methods: Methods
  readonly #context: WorkerContext
  readonly #results: Results
  readonly #outputs: Outputs
  readonly #puts: SourcePuts
  readonly #tasks = new Tasks()
  #working = false
  /** What the present call gives one by one; absent where it does not. */
  #drawing: Drawing | undefined
  #inputs: StreamInputs | undefined

  constructor(session: Session, { coro, args }: Loaded, port: SessionPort) {
    this.#session = session
    this.#port = port
    // `run` takes `never` in the public type so that any function fits.
    this.#methods = coro as unknown as Methods
    this.#context = new WorkerContext(session, args, (message) => port.post(message))
    this.#results = new Results(port, session)
    this.#outputs = new Outputs(port, session)
    this.#puts = new SourcePuts(port, this.#context)
  }

  /** The number of the call that is in progress. */
  get present(): number | null {
    return this.#working ? this.#tasks.number : null
  }

  received(message: Exclude<ToWorker, { type: 'open' | 'close' }>): void {
    switch (message.type) {
      case 'calls':
        this.#context.tellActive(message.active)
        this.#tasks.addCalls(message)
        void this.#work()
        break
      case 'call':
        this.#context.tellActive(message.active)
        this.#tasks.add(message)
        void this.#work()
        break
      case 'abort':
        this.#abort(message)
        break
      case 'taken':
        if (message.call === this.#tasks.number) this.#outputs.taken(message.count)
        break
      case 'return':
        if (message.call === this.#tasks.number) this.#drawing?.end()
        break
      case 'inputs':
        if (message.allowed > 0) this.#outputs.taken(message.allowed)
        this.#inputs?.received(message)
        break
      case 'inputs-over':
      case 'inputs-failed':
        this.#inputs?.received(message)
        break
      case 'put-done':
        this.#puts.done(message)
        break
      default:
        message satisfies never
    }
  }

  /** Says what has not been said: the worker is about to end. Never throws. */
  flush(): void {
    this.#results.flush()
    try {
      this.#outputs.flush()
    } catch {} // the call fails with the worker
  }

  #abort({ call, reason }: Extract<ToWorker, { type: 'abort' }>): void {
    this.#tasks.abort(call, this.#working)
    if (this.#working && (call === undefined || call === this.#tasks.number)) this.#context.tell(reason)
    this.#port.post({ type: 'alive' })
  }

  async #work(): Promise<void> {
    if (this.#working) return
    this.#working = true
    for (let task = this.#tasks.take(); task !== undefined; task = this.#tasks.take()) {
      const done = this.#do(task)
      if (done !== undefined) await done
      this.#tasks.number++
    }
    this.#working = false
    this.#results.flush()
  }

  #do(task: Task): void | Promise<void> {
    this.#results.begin()
    if (this.#tasks.skips) return this.#results.add(undefined, { is: 'skipped' })
    return this.#make(task)
  }

  #make(task: Task): void | Promise<void> {
    if (task.what === 'item') {
      this.#context.begin(task.index, task.particulars)
      return this.#call(() => this.#methods.run(task.value, this.#context))
    }
    this.#context.begin(0)
    switch (task.what) {
      case 'setup':
        return this.#call(() => this.#setUp())
      case 'flush':
        return this.#call(() => this.#methods.flush?.(this.#context))
      case 'teardown':
        return this.#call(() => this.#tearDown(task.reason && decodeError(task.reason)))
      case 'stream':
      case 'source':
        return this.#runLong(task.what)
      default:
        return task satisfies never
    }
  }

  /** Its result is kept, whatever it is. */
  #setUp(): unknown {
    const state = this.#methods.setup?.(this.#context)
    const keep = (value: unknown): void => {
      this.#context.state = value
    }
    return isThenable(state) ? state.then(keep) : keep(state)
  }

  /** What it gives is of no interest. */
  #tearDown(reason: TeardownReason): unknown {
    const given = this.#methods.teardown?.(this.#context, reason)
    return isThenable(given) ? given.then(() => {}) : undefined
  }

  /** A call that ends with a result. */
  #call(call: () => unknown): void | Promise<void> {
    try {
      const result = call()
      if (typeof result !== 'object' || result === null) return this.#give(result)
      if (isThenable(result)) {
        this.#results.flushSoon()
        return Promise.resolve(result).then(
          (late) => this.#give(late),
          (error) => this.#fail(error),
        )
      }
      return this.#give(result)
    } catch (error) {
      return this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#results.add(undefined, { is: 'error', error: this.#context.encode(error) })
  }

  #give(result: unknown): void | Promise<void> {
    try {
      if (isGenerator(result)) return this.#expand(result)
    } catch (error) {
      return this.#fail(error) // a getter threw
    }
    const emitted = this.#context.takeEmitted()
    const drops = result === DROP
    if (emitted === undefined && !drops) return this.#addResult(result)
    this.#results.add(drops ? undefined : result, { is: 'emitted', emitted: emitted ?? [], drops })
  }

  #addResult(result: unknown): void {
    if (!this.#session.each || !Array.isArray(result) || !result.includes(DROP)) {
      this.#results.add(result)
      return
    }
    const drops = [...result.keys()].filter((place) => result[place] === DROP)
    this.#results.add(
      result.map((one) => (one === DROP ? undefined : one)),
      { is: 'list', drops },
    )
  }

  /** The call has turned out to be a generator. */
  async #expand(generator: AnyIterator): Promise<void> {
    const emitted = this.#context.takeEmitted() ?? []
    this.#results.add(undefined, { is: 'generator' })
    this.#results.flush()
    const drawing = this.#begin()
    for (const one of emitted) drawing.emit(one)
    await this.#finish(() => drawing.draw(generator))
  }

  /** A call that gives its outputs one by one from the start. */
  async #runLong(what: 'stream' | 'source'): Promise<void> {
    const drawing = this.#begin()
    const input = what === 'source' ? this.#puts : this.#openInputs()
    await this.#finish(async () => {
      const result = await this.#methods.run(input, this.#context)
      const iterator = what === 'source' ? iteratorOf(result) : isGenerator(result) ? result : undefined
      if (iterator !== undefined) return drawing.draw(iterator)
      if (what === 'source') this.#checkSource(result)
      else if (result !== DROP && result !== undefined) drawing.put(result)
    })
  }

  #openInputs(): StreamInputs {
    const outputs = this.#outputs
    this.#inputs = new StreamInputs(this.#context, {
      ask: (taken, spentMs) => outputs.wants(taken, spentMs),
      waitedMs: () => outputs.waitedMs,
      held: () => (this.#session.inStep && outputs.isFull ? outputs.room() : undefined),
    })
    return this.#inputs
  }

  #checkSource(result: unknown): void {
    if (result === undefined || result === null || this.#puts.used) return
    throw new PipelineError('CORO_TYPE', {
      node: this.#session.node,
      what: `is a source, but its coroutine returned ${show(result)}`,
      hint: 'Yield the items, return an iterable other than a string, or call output.put().',
    })
  }

  #begin(): Drawing {
    this.#outputs.reset()
    const drawing = new Drawing(this.#outputs, {
      inputs: () => this.#inputs?.taken,
      given: () => {
        if (this.#session.kind === 'source') this.#context.index++
      },
    })
    this.#drawing = drawing
    this.#context.onEmit = (emitted) => drawing.emit(emitted)
    return drawing
  }

  /** Says how it has ended. */
  async #finish(work: () => Promise<void>): Promise<void> {
    let error: EncodedError | undefined
    try {
      await work()
      this.#outputs.flush()
    } catch (thrown) {
      error = this.#context.encode(thrown)
      try {
        this.#outputs.flush()
      } catch {} // it is not the first
    }
    this.#drawing = undefined
    this.#inputs = undefined
    this.#port.post({ type: 'end', ...(error && { error }) })
  }
}
