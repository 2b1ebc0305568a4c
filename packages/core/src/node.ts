import { Bursts } from './bursts.js'
import type { Counters } from './counters.js'
import { PipelineError } from './errors.js'
import { bindingOf, isRunnerError, NO_RUNNER, type Runner } from './executor.js'
import type { Host } from './host.js'
import { type Draw, isThenable } from './iterate.js'
import { Lifecycle, NODE_MOVES, type NodeState } from './lifecycle.js'
import { Movement } from './movement.js'
import type { NodeOptions, Phase } from './node-options.js'
import type { Outlet } from './outlet.js'
import type { Packet, Scope } from './packet.js'
import type { PlanNode } from './plan.js'
import type { SlotOwner, WorkerSlot } from './slot.js'
import { WorkerSlots } from './slots.js'
import { StopSignal } from './stop-signal.js'

/**
 * A node at work: its state, worker slots, p-queue and hooks; what all kinds of nodes share.
 *
 * `running` → `ending` when everything was taken and worked off: flush, teardown, then its edges end.
 * `running` → `stopping` when told to: by `stop` (nobody wants its outputs, or the run drains and it is a source; a
 * success) or by `doom` (everything ends now). It waits for the calls in progress, then tears down; after `graceMs` it
 * gives those calls up. Either way it ends exactly once, and every slot that was set up is torn down exactly once.
 */
export abstract class RunningNode implements SlotOwner {
  readonly name: string
  readonly plan: PlanNode
  readonly counters: Counters
  readonly host: Host
  protected readonly outlet: Outlet
  /** Iterators of user code that are being drawn from. */
  protected readonly draws: Map<Draw, WorkerSlot> = new Map()
  /** What is in progress: bursts and hooks. */
  readonly movement: Movement
  readonly bursts: Bursts
  /** Whether somebody still takes its outputs; if not, it is about to be stopped. */
  protected wanted = true
  #runner: Runner | undefined
  readonly slots: WorkerSlots
  readonly #lifecycle: Lifecycle<NodeState>
  readonly #stop = new StopSignal()
  #tearingDown = false
  #grace: NodeJS.Timeout | undefined

  constructor({ plan, host, counters, outlet }: NodeOptions) {
    this.name = plan.name
    this.plan = plan
    this.counters = counters
    this.host = host
    this.bursts = new Bursts(plan.properties.workers)
    this.#lifecycle = new Lifecycle<NodeState>(NODE_MOVES, 'idle', (from, to) => host.nodeMoved(plan.name, from, to))
    this.movement = new Movement(host, () => this.resting)
    this.slots = new WorkerSlots(this, host.scope, (error, hook) => this.hookFailed(error, hook))
    this.outlet = outlet(() => this.unwanted())
  }

  /** Nobody takes its outputs any more. */
  protected unwanted(): void {
    this.wanted = false
    // Not on this stack: ends and stops travel along chains that may be longer than a stack is deep.
    queueMicrotask(() => this.stop())
  }

  get inProgress(): number {
    return this.slots.items
  }

  /** Whether its coroutine is in a call that no worker of its own has made. */
  protected get inChain(): boolean {
    return false
  }

  get state(): NodeState {
    return this.#lifecycle.state
  }

  get workers(): number {
    return this.bursts.workers
  }

  /** Aborts when the node is told to stop. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Opens its runner and begins; a promise where the executor has to warm up. */
  start(): void | Promise<void> {
    const { coro, executor } = this.plan
    if (coro === undefined) return this.#begin(NO_RUNNER)
    const opened = executor.open(bindingOf(this.plan, coro, this))
    if (isThenable(opened)) return opened.then((runner) => this.#begin(runner))
    this.#runner = opened
    return opened.ready === undefined ? this.#begin(opened) : opened.ready.then(() => this.#begin(opened))
  }

  /** Ends it as a success: it takes no more, and its calls are told. */
  stop(): void {
    this.#halt('early', new PipelineError('RUN_CANCELLED', { what: `Node "${this.name}"` }))
  }

  /** Ends it now. */
  doom(reason: unknown): void {
    this.#halt('doomed', reason)
  }

  pause(): void {
    if (this.state !== 'stopping' && this.state !== 'ended') this.bursts.pause()
  }

  resume(): void {
    this.bursts.resume()
  }

  setWorkers(count: number): void {
    this.bursts.setWorkers(count)
  }

  /** Told by its runner: see `NodeBinding`. */
  setCallsPerWorker(count: number): void {
    this.bursts.setPerWorker(count)
  }

  /** A request was cancelled: gives up what it has here; tells whether there was anything. */
  abstract cancel(scope: Scope, reason: unknown): boolean

  /** Starts to work. */
  protected abstract begin(): void
  /** Was told to stop: lets go of whatever waits inside the engine. */
  protected abstract halted(doomed: boolean): void

  protected get runner(): Runner {
    if (this.#runner === undefined) throw new PipelineError('INTERNAL', { what: `node "${this.name}" has no runner` })
    return this.#runner
  }

  protected get running(): boolean {
    return this.state === 'running'
  }

  /** Whether outputs still have somewhere to go. */
  protected get live(): boolean {
    return this.running || this.state === 'ending'
  }

  protected get doomed(): boolean {
    return this.#stop.doomed
  }

  /** A free slot, set up; `undefined` when setting it up failed. A promise where setup is asynchronous. */
  protected slot(): WorkerSlot | undefined | Promise<WorkerSlot | undefined> {
    return this.slots.acquire(this.runner)
  }

  /** Runs `task` on the p-queue, in the scope of the run. Never rejects: what escapes is a bug, and ends the run. */
  protected schedule(task: () => Promise<void>): void {
    this.bursts.run(() => this.host.scope.run(task, this)).catch((error) => this.broken(error))
  }

  /** Something escaped from the engine's own code. */
  broken(error: unknown): void {
    const what = { what: `node "${this.name}" broke` }
    this.host.fail(error instanceof PipelineError ? error : new PipelineError('INTERNAL', what, error))
  }

  /** Every input was worked off: flushes, tears down, ends. */
  protected async finish(): Promise<void> {
    // Not on this stack: see the constructor.
    await undefined
    if (!this.running) return
    this.#lifecycle.move('ending')
    this.movement.active++
    try {
      if (this.#runner?.flush !== undefined) await this.flush(this.#runner)
    } finally {
      this.movement.active--
      this.#tearDown()
    }
  }

  /** Call when a burst has ended: a node that stops goes on to tear down with its last one. */
  protected burstEnded(): void {
    if (this.state === 'stopping' && this.movement.active === 0) this.#tearDown()
    this.movement.rests()
  }

  /** Whether `error` only says that the call obeyed the signal. */
  protected isAbort(error: unknown): boolean {
    return this.#stop.explains(error)
  }

  protected failure(error: unknown, phase: Phase, attempts = 1): PipelineError {
    if (isRunnerError(error)) return this.failure(error.cause, error.phase, attempts)
    return new PipelineError('NODE_FAILED', { node: this.name, attempts, phase, cause: error }, error)
  }

  /** Runs the hook that follows the last input, and hands on what it gives. */
  protected abstract flush(runner: Runner): Promise<void>

  #begin(runner: Runner): void {
    this.#runner = runner
    if (!this.#lifecycle.may('running')) return void this.slots.tearDown(runner, this.#reason) // doomed meanwhile
    this.#lifecycle.move('running')
    this.begin()
  }

  #halt(how: 'early' | 'doomed', reason: unknown): void {
    if (this.doomed || this.state === 'ended') return
    const isNew = this.#lifecycle.may('stopping')
    if (!isNew && how === 'early') return
    this.#stop.set(how, reason)
    if (isNew) this.#lifecycle.move('stopping')
    this.#stop.fire()
    // Whoever draws from them sees what closing them throws.
    for (const draw of this.draws.keys()) draw.close().catch(() => {})
    for (const slot of this.slots.all()) {
      slot.clock?.end()
      slot.tell(reason)
    }
    this.halted(this.doomed)
    this.resume() // a paused burst has to start once more to see that it is over
    if (this.movement.active === 0 && !this.inChain) this.#tearDown()
    else this.#startGrace()
  }

  #tearDown(): void {
    if (this.#tearingDown) return
    this.#tearingDown = true
    const ends = this.slots.tearDown(this.#runner, this.#reason)
    if (ends.length === 0) return void this.#end(false)
    if (this.#grace === undefined) this.#startGrace()
    void Promise.all(ends).then(() => this.#end(false))
  }

  /** What teardown is told. */
  get #reason(): unknown {
    return this.doomed ? this.#stop.reason : undefined
  }

  /** A hook failed: nothing of the run can be trusted to go on. */
  protected hookFailed(error: unknown, hook: Phase): void {
    if (!this.isAbort(error)) this.host.fail(this.failure(error, hook))
  }

  #startGrace(): void {
    clearTimeout(this.#grace)
    this.#grace = setTimeout(() => this.#abandon(), this.host.graceMs)
  }

  /** Gives up what has not returned: names it, tears its slots down all the same, and ends. */
  #abandon(): void {
    // Who waits for room obeys; only a call that does not return is given up.
    if (!this.doomed && this.movement.onlyWaits) return void this.#startGrace()
    for (const slot of this.slots.all()) this.giveUp(slot)
    this.#tearingDown = true
    const killed = this.#runner?.kill?.()
    if (killed !== undefined) return void killed.then(() => this.#end(true))
    this.slots.tearDown(this.#runner, this.#reason)
    this.#end(true)
  }

  #end(abandoned: boolean): void {
    if (this.state === 'ended') return
    clearTimeout(this.#grace)
    this.outlet.end()
    this.#lifecycle.move('ended')
    this.host.nodeEnded(this.name, abandoned)
  }

  /** Gives up what is in a call, which may go on. */
  protected giveUp(slot: WorkerSlot): void {
    const { packet } = slot
    if (packet === undefined || slot.lapsed) return
    slot.lapsed = true
    this.givenUp(packet)
  }

  /** Counts what was taken and will not be processed, and reports it, unless its request was cancelled. */
  protected givenUp(packet: Packet): void {
    this.counters.unprocessed += packet.weight
    if (packet.scope.request?.cancelled === true) return
    for (const part of packet.parts ?? [packet]) this.host.lost(this.name, part)
  }

  /** Whether nothing in it moves by itself: all that is in progress waits for others. */
  get resting(): boolean {
    return this.state === 'ended' || (this.movement.waits && this.isCalm)
  }

  /** Whether nothing is about to begin. What was told to stop gets its grace, and a teardown takes its time. */
  get isCalm(): boolean {
    return !this.#tearingDown && (this.state !== 'stopping' || this.movement.onlyWaits)
  }

  /** Whether it goes on when a time comes that was set here. */
  get dozes(): boolean {
    return this.slots.all().some((slot) => slot.sleeps)
  }
}
