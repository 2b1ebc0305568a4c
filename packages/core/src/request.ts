import { onAbort } from './aborts.js'
import type { Logger } from './context.js'
import type { Meta } from './coro.js'
import { Delivery } from './delivery.js'
import { PipelineError } from './errors.js'
import { guarded } from './events.js'
import type { Output } from './leaf.js'
import { type Packet, Scope } from './packet.js'
import { Root, type RootLedger } from './roots.js'
import type { Timed, Timeouts, TimeSlot } from './timeouts.js'

/** One call that an item of a request was in. Times are in milliseconds since the request was made. */
export interface TraceStep {
  readonly node: string
  /** Position of the item in the node's input. */
  readonly index: number
  readonly attempts: number
  /** When it came to the node; of a tuple, its last part. */
  readonly enteredMs: number
  readonly startedMs: number
  readonly endedMs: number
  readonly outcome: 'completed' | 'failed' | 'cancelled'
}

/** How one request is to go. */
export interface RequestOptions {
  readonly meta?: Meta | undefined
  /** More for `ctx.env` of its calls, over what the run was given. */
  readonly env?: Readonly<Record<string, unknown>> | undefined
  /** Cancels it. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds after which, or at most a 32nd part later, it is cancelled with `PLB_RUN_DEADLINE`. @defaultValue none */
  readonly timeoutMs?: number | undefined
  /** Told about every call that an item of it was in, when the call has ended. */
  readonly trace?: ((step: TraceStep) => void) | undefined
  /**
   * Takes its outputs, one at a time; what it returns is awaited, and its leaf waits with it. What it throws fails the
   * request. Absent: they are gathered.
   */
  readonly onOutput?: ((output: Output) => unknown) | undefined
  /** Most outputs that are gathered; one more fails it with `PLB_RUN_CARDINALITY`. @defaultValue no limit */
  readonly maxOutputs?: number | undefined
  /** What it does where too many are in flight. @defaultValue that of the run */
  readonly overload?: Overload | undefined
  /** `ctx.log` of its calls. @defaultValue that of the run */
  readonly logger?: Logger | undefined
}

/** Whether a request too many is refused, or waits until it may enter, first come first served. */
export type Overload = 'reject' | 'wait'

/** What requests need from the network that they go through. */
export interface RequestHost {
  readonly roots: RootLedger
  readonly env: Readonly<Record<string, unknown>>
  readonly logger: Logger
  /** Takes everything of a request out; gives the names of the nodes where it was. */
  cancel(scope: Scope, reason: unknown): readonly string[]
  /** An error that ends the run. */
  fail(error: PipelineError): void
}

const NOTHING: readonly Output[] = []

/** What a request is answered with. */
export interface Answer {
  /** In the order in which they were handed over. */
  readonly outputs: readonly Output[]
  /** The first failure of an item of it that was left out. */
  readonly skipped: PipelineError | undefined
}

/**
 * A value that somebody waits for: a root that gathers the outputs which descend from it. It is answered when nothing of
 * it is on its way any more, or before that with what it failed with; what is left of it is then taken out.
 */
export class Request extends Root implements Answer, Timed {
  readonly env: Readonly<Record<string, unknown>> | undefined
  readonly scope: Scope
  /** Whether what is still on its way is of no use. */
  over = false
  /** Whether that is because it was taken out. */
  cancelled = false
  /** The first failure of an item that was left out. */
  skipped: PipelineError | undefined
  outputs: readonly Output[] = NOTHING
  /** Settles with what `select` makes of it. */
  readonly answer: Promise<unknown>
  /** The same, where there are several: most often there is one. */
  #more: Output[] | undefined
  /** Told when nothing of it is inside any more. */
  onLeft: () => void = () => {}
  readonly #host: RequestHost
  readonly options: RequestOptions
  /** Where its outputs go, unless they are gathered. */
  readonly #delivery: Delivery | undefined
  /** Whether anybody wants to hear of its calls. */
  readonly isTraced: boolean
  readonly #startedAt: number
  /** When packets came to where they are; only where it is traced. */
  readonly #arrivals: WeakMap<Packet, number> | undefined
  #resolve: (answer: unknown) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  readonly #select: (answer: Answer) => unknown
  /** Where its time is measured. */
  #timeouts: Timeouts | undefined
  slot: TimeSlot | undefined
  place = 0
  /** Stops listening to the signal. */
  readonly #unlisten: (() => void) | undefined

  /** @param select what it is answered with; what that throws, it fails with */
  constructor(host: RequestHost, options: RequestOptions, select: (answer: Answer) => unknown) {
    super(host.roots)
    const { env, onOutput, signal, trace } = options
    this.#host = host
    this.options = options
    this.#select = select
    this.isTraced = trace !== undefined
    this.#startedAt = this.isTraced ? performance.now() : 0
    this.#arrivals = trace && new WeakMap()
    this.env = env && laidOver(host.env, env)
    this.scope = new Scope([this], undefined, this)
    this.#delivery = onOutput && this.#deliveryTo(onOutput)
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#unlisten = signal && onAbort(signal, () => this.cancel(signal.reason))
  }

  /** Its time begins. */
  begin(timeouts: Timeouts, timeoutMs: number): void {
    this.#timeouts = timeouts
    timeouts.add(this, timeoutMs)
  }

  expire(): void {
    const { timeoutMs: deadlineMs = 0 } = this.options
    const late = (nodes?: readonly string[]): PipelineError => new PipelineError('RUN_DEADLINE', { deadlineMs, nodes })
    this.#cancel(late([]), late)
  }

  /** Takes an output of it; a promise where its leaf has to wait for whoever asked. */
  deliver(output: Output): boolean | Promise<boolean> {
    if (this.#delivery !== undefined) return this.#delivery.deliver(output) ?? true
    const { maxOutputs: most = Number.POSITIVE_INFINITY } = this.options
    if (this.outputs.length >= most) {
      this.fail(new PipelineError('RUN_CARDINALITY', { count: this.outputs.length + 1, most }))
      return false
    }
    if (this.#more !== undefined) this.#more.push(output)
    else if (this.outputs.length === 0) this.outputs = [output]
    else this.outputs = this.#more = [...this.outputs, output]
    return true
  }

  /** Whether whoever asked will do something by and by: takes an output, or gives up at its time. */
  get isExpecting(): boolean {
    return this.options.timeoutMs !== undefined || this.#delivery?.busy === true
  }

  /** Nobody waits for it any more: takes it out. Without effect once it has its answer. */
  cancel(reason?: unknown): void {
    const error = new PipelineError('RUN_CANCELLED', { what: 'The request' }, reason)
    this.#cancel(reason ?? error, () => error)
  }

  /** An item of it failed for good: it has its answer. */
  fail(error: PipelineError): void {
    this.#cancel(error, () => error)
  }

  /** The run is over: nothing needs to be taken out. */
  doom(error: PipelineError): void {
    this.#answered()
    this.#reject(error)
  }

  override onSettled(): void {
    if (!this.over) {
      this.#answered()
      this.#answers()
    }
    this.onLeft()
  }

  now(): number {
    return performance.now() - this.#startedAt
  }

  /** A packet of it has come to where it is. */
  arrived(packet: Packet): void {
    this.#arrivals?.set(packet, this.now())
  }

  /** A call has ended that one of its packets was in. */
  step(packet: Packet, step: Omit<TraceStep, 'enteredMs' | 'endedMs'>): void {
    const { trace } = this.options
    if (trace === undefined) return
    const arrivals = (packet.parts ?? [packet]).map((part) => this.#arrivals?.get(part) ?? 0)
    guarded(
      () => trace({ ...step, enteredMs: Math.max(...arrivals), endedMs: this.now() }),
      (err) => this.#host.logger.error({ err, node: step.node }, 'A trace listener threw'),
    )
  }

  #deliveryTo(onOutput: (output: Output) => unknown): Delivery {
    const owner = { isOver: () => this.over, fail: (error: PipelineError) => this.fail(error) }
    return new Delivery((output) => this.scope.run(onOutput, undefined, output), owner)
  }

  #answers(): void {
    try {
      this.#resolve(this.#select(this))
    } catch (error) {
      this.#reject(error)
    }
  }

  /** @param reason what its calls are told */
  #cancel(reason: unknown, error: (nodes: readonly string[]) => PipelineError): void {
    if (this.over) return
    this.#answered()
    this.cancelled = true
    this.mark('aborted')
    this.#reject(error(this.#takeOut(reason)))
  }

  #takeOut(reason: unknown): readonly string[] {
    try {
      return this.#host.cancel(this.scope, reason)
    } catch (error) {
      // On the stack of whoever aborted the signal, who cannot know what to do with it.
      this.#host.fail(new PipelineError('INTERNAL', { what: 'a request could not be cancelled' }, error))
      return []
    }
  }

  #answered(): void {
    this.over = true
    this.#timeouts?.remove(this)
    this.#unlisten?.()
    this.#delivery?.clear()
  }
}

/** An `env` that is more than a plain object keeps its prototype. */
function laidOver(below: RequestHost['env'], above: RequestHost['env']): RequestHost['env'] {
  const prototype: unknown = Object.getPrototypeOf(below)
  const isPlain = prototype === Object.prototype || prototype === null
  return Object.freeze(isPlain ? { ...below, ...above } : Object.assign(Object.create(below), above))
}
