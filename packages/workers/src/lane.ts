import { DROP } from '@pipelines/core'
import type { Call } from './call.js'
import { messageOf } from './calls-message.js'
import type { Copy } from './cloneable.js'
import { decodeError, decodeFields, encodeError } from './error-code.js'
import type { LaneOwner, LaneParts } from './lane-owner.js'
import type { Link, LinkUser, WorkerEnd } from './link.js'
import type { Alone, FromWorker, ToHost, ToWorker } from './messages.js'
import { Pace } from './pace.js'
import { Patience } from './patience.js'
import { type OutputsSource, RemoteOutputs } from './remote-outputs.js'
import { SentCalls } from './sent-calls.js'
import { endOf, notLoaded } from './worker-errors.js'

let sessions = 0

type State = 'opening' | 'open' | 'closing' | 'over'

/**
 * One worker at work for a node, from its opening to its closing: the calls that it was sent, which it makes one after
 * the other and answers in their order.
 */
export class Lane implements LinkUser {
  readonly index: number
  readonly copy: Copy
  /** Settles when the coroutine is loaded; rejects if that fails. */
  readonly ready: Promise<void>
  readonly pace: Pace = new Pace()
  /** Whether `setup` has succeeded, so that it may be sent other calls. */
  isSetUp = false
  /** Settles when it may be, or never will; absent while nobody has asked for that. See `Staff`. */
  prepared: Promise<Lane> | undefined
  /** Whether its worker was in use before. */
  readonly isUsed: boolean
  /** Takes what the source that runs in it puts. */
  onPut: ((put: Extract<ToHost, { type: 'put' }>) => void) | undefined
  readonly #owner: LaneOwner
  readonly #link: Link
  readonly #calls = new SentCalls()
  #state: State = 'opening'
  #opened: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined
  #closed: (() => void) | undefined
  /** Settles when the worker has ended that was told to. */
  #killed: Promise<void> | undefined
  /** What the worker said when it was about to end. */
  #exiting: Extract<ToHost, { type: 'exiting' }> | undefined

  readonly #patience: Patience
  readonly #session: number
  readonly #needsSetup: boolean

  constructor(index: number, owner: LaneOwner, { link, isUsed, needsSetup }: LaneParts) {
    this.index = index
    this.copy = link.copy
    this.isUsed = isUsed
    this.#needsSetup = needsSetup
    this.#owner = owner
    this.#link = link
    this.#session = ++sessions
    this.#patience = new Patience(owner, () => void link.kill())
    link.user = this
    link.hold()
    this.ready = new Promise((resolve, reject) => {
      this.#opened = { resolve, reject }
    })
    this.ready.catch(() => {}) // whoever waits for it sees that
    const { session } = owner
    try {
      link.post({ type: 'open', session: { ...session, id: this.#session, worker: { ...session.worker, index } } })
    } catch (error) {
      this.#refused(error)
    }
  }

  get isOver(): boolean {
    return this.#state === 'over'
  }

  /** Whether it has nothing to do. */
  get isIdle(): boolean {
    return this.#state === 'open' && this.#calls.size === 0
  }

  /** Whether one more message may wait in it while it is at work. */
  get takesMore(): boolean {
    const isAhead = this.#calls.at(0)?.outputs !== undefined
    return this.isSetUp && this.#state === 'open' && this.#calls.messages < this.pace.messages && !isAhead
  }

  /** Sends calls about items. Those that cannot be sent are rejected. */
  send(calls: readonly Call[]): void {
    try {
      this.#sendTogether(calls)
    } catch (error) {
      for (const call of calls) {
        if (calls.length === 1) call.refuse(this.#owner.session.node, error, this.copy)
        else this.send([call])
      }
    }
  }

  /** Sends a call that is about no item. */
  sendAlone(call: Call, message: Alone): void {
    this.#link.post({ ...message, active: this.#owner.activeBeside(this) })
    this.#sent([call])
  }

  /** Says something about calls in progress. */
  post(message: ToWorker, moved: readonly ArrayBuffer[] = []): void {
    this.#link.post(message, moved)
  }

  /** Tells a call to stop. One whose time is up also has to show that it is not stuck. */
  interrupt(call: Call, isLate: boolean): void {
    const number = this.#calls.numberOf(call)
    if (number === undefined) return
    this.#link.post({ type: 'abort', call: number, reason: encodeError(call.told) })
    call.isTold = true
    // One that has not begun will not be made: the time of the one before it is its own.
    if (call === this.#calls.at(0)) this.#patience.begin(call, isLate)
  }

  /** Tells all calls to stop. */
  interruptAll(reason: unknown): void {
    if (this.#calls.size > 0) this.#link.post({ type: 'abort', reason: encodeError(reason) })
  }

  /** Tells the worker what becomes of the outputs of a call, for as long as that goes on. */
  outputsOf(call: Call): OutputsSource {
    const say = (message: (call: number) => ToWorker): void => {
      const number = this.#calls.numberOf(call)
      if (number !== undefined) this.#link.post(message(number))
    }
    return {
      taken: (count) => say((number) => ({ type: 'taken', call: number, count })),
      wantsNoMore: () => say((number) => ({ type: 'return', call: number })),
    }
  }

  /** Ends the session; gives the worker back if it can be used again. */
  async close(): Promise<Link | undefined> {
    if (this.#state === 'over' || !this.isIdle) return this.kill()
    this.#state = 'closing'
    this.#link.hold()
    await new Promise<void>((resolve) => {
      this.#closed = resolve
      this.#link.post({ type: 'close' })
    })
    return this.#over() ? this.#link : undefined
  }

  /** Ends the worker, and with it all calls in it. */
  async kill(): Promise<undefined> {
    this.#killed ??= this.#link.kill()
    await this.#killed
    return undefined
  }

  received(said: FromWorker | undefined): void {
    if (said?.session === this.#session) this.#received(said.message)
  }

  #received(message: ToHost): void {
    switch (message.type) {
      case 'opened':
        this.#nowOpen()
        break
      case 'refused':
        this.#refused(decodeError(message.error))
        break
      case 'results':
        this.#results(message)
        break
      case 'outputs':
        this.#calls.at(0)?.outputs?.add(message)
        break
      case 'end':
        this.#end(message)
        break
      case 'put':
        this.onPut?.(message)
        break
      case 'log':
        this.#log(message)
        break
      case 'alive':
        this.#patient() // it has seen that a call was told to stop, so it is in no busy loop
        break
      case 'exiting':
        this.#exiting = message
        break
      case 'closed':
        this.#closed?.()
        break
      default:
        message satisfies never
    }
  }

  ended(end: WorkerEnd): void {
    const wasOpening = this.#state === 'opening'
    const said = this.#exiting
    this.#over()
    const error = endOf(this.#owner.session.node, end, { said, wasOpening })
    if (wasOpening && this.#killed === undefined) this.#opened?.reject(error)
    else if (wasOpening)
      this.#opened?.resolve() // nobody needs it any more
    else if (this.#closed !== undefined) this.#closed()
    else this.#owner.died(this, error, this.#calls.lost(said?.call))
  }

  #nowOpen(): void {
    if (this.#state !== 'opening') return
    this.#state = 'open'
    this.isSetUp = !this.#needsSetup
    this.#letGo()
    this.#opened?.resolve()
    this.#owner.hasRoom()
  }

  #refused(cause: unknown): void {
    this.#over()
    void this.kill()
    this.#opened?.reject(notLoaded(this.#owner.session.node, cause))
  }

  #sendTogether(calls: readonly Call[]): void {
    const { message, moved } = messageOf(calls, this.#owner, this.#owner.activeBeside(this))
    this.#link.post(message, moved)
    if (moved !== undefined) for (const call of calls) call.moved = call.buffers.movable.length > 0
    this.#sent(calls)
  }

  #sent(calls: readonly Call[]): void {
    if (this.#calls.size === 0) this.#link.hold()
    this.#calls.add(calls)
  }

  #results({ values, odd = [], spentMs, bytes }: Extract<ToHost, { type: 'results' }>): void {
    let answered = 0
    let next = 0
    let size = bytes
    for (const [place, value] of values.entries()) {
      const oddity = odd[next]?.[0] === place ? odd[next++]?.[1] : undefined
      const call = this.#calls.at(answered)
      if (call === undefined) break
      if (oddity?.is === 'generator') {
        call.begins(new RemoteOutputs(this.outputsOf(call), call.context, { inStep: this.#owner.session.inStep }))
        break
      }
      answered++
      size += call.buffers.bytes
      if (oddity === undefined) call.resolve(value)
      else call.settle(value, oddity, DROP)
    }
    this.pace.note(answered, spentMs, size)
    this.#answered(answered)
  }

  /** The generator of the first call has ended. */
  #end({ error }: Extract<ToHost, { type: 'end' }>): void {
    const call = this.#calls.at(0)
    if (call === undefined) return
    call.outputs?.end(error && { error: decodeError(error, call.told) })
    call.over()
    this.#answered(1)
  }

  #answered(count: number): void {
    this.#calls.answered(count)
    this.#letGo()
    this.#patient()
    this.#owner.hasRoom()
  }

  #letGo(): void {
    if (this.#calls.size === 0) this.#link.letGo()
  }

  #log({ level, fields, message }: Extract<ToHost, { type: 'log' }>): void {
    const logger = this.#calls.at(0)?.context.log ?? this.#owner.logger
    try {
      logger[level](decodeFields(fields) as object, message)
    } catch {} // the call that could have failed with that may be over by now
  }

  /** Gives the present call its time, if it was told to stop. */
  #patient(): void {
    const present = this.#calls.at(0)
    if (present?.isTold) this.#patience.begin(present)
  }

  /** Nothing more is done here. Tells whether the worker is still there. */
  #over(): boolean {
    const isThere = this.#state !== 'over' && this.#link.user === this
    this.#state = 'over'
    if (isThere) this.#link.user = undefined
    return isThere
  }
}
