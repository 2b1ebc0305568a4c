import type { TeardownReason } from './coro.js'
import type { Runner } from './executor.js'
import { isThenable } from './iterate.js'
import type { Scope } from './packet.js'
import { type SlotOwner, WorkerSlot } from './slot.js'

/** The worker slots of a node: made when first needed, set up before their first item, torn down once. */
export class WorkerSlots {
  readonly #owner: SlotOwner
  /** Hooks run in the scope of the run, whoever ends it. */
  readonly #scope: Scope
  readonly #onError: (error: unknown, hook: 'setup' | 'teardown') => void
  readonly #all: WorkerSlot[] = []
  readonly #idle: WorkerSlot[] = []
  /** How many are set up, and not torn down. */
  #active = 0
  #closed = false
  /** Set once the node has torn down: a setup that ends after that is torn down at once. */
  #over: { readonly runner: Runner | undefined; readonly reason: TeardownReason } | undefined

  constructor(owner: SlotOwner, scope: Scope, onError: (error: unknown, hook: 'setup' | 'teardown') => void) {
    this.#owner = owner
    this.#scope = scope
    this.#onError = onError
  }

  get active(): number {
    return this.#active
  }

  /** A free slot, set up; `undefined` when its setup failed. */
  acquire(runner: Runner): WorkerSlot | undefined | Promise<WorkerSlot | undefined> {
    const slot = this.#idle.pop() ?? this.#make()
    if (slot.ready) return slot
    try {
      const state = runner.setup?.(slot)
      if (isThenable(state)) return this.#setUpLate(slot, state)
      return this.#setUp(slot, state)
    } catch (error) {
      return this.#setUpFailed(error)
    }
  }

  /** A free slot that needs no setup, or is set up; it stays free. */
  idle(runner: Runner): WorkerSlot | undefined {
    const slot = this.#idle.at(-1)
    if (slot !== undefined) return slot.ready ? slot : undefined
    if (runner.setup !== undefined || this.#all.length > 0) return undefined
    const made = this.#make()
    this.#nowReady(made)
    this.#idle.push(made)
    return made
  }

  /** Takes a free slot. */
  claim(slot: WorkerSlot): void {
    this.#idle.splice(this.#idle.indexOf(slot), 1)
  }

  release(slot: WorkerSlot): void {
    slot.packet = undefined
    this.#idle.push(slot)
  }

  all(): readonly WorkerSlot[] {
    return this.#all
  }

  ready(): readonly WorkerSlot[] {
    return this.#all.filter((slot) => slot.ready)
  }

  /** Whether none of them is in a call with a packet. */
  get holdNothing(): boolean {
    return this.#all.every((slot) => slot.packet === undefined)
  }

  /** Items in calls now. */
  get items(): number {
    let items = 0
    for (const { packet, lapsed } of this.#all) if (packet !== undefined && !lapsed) items += Math.max(1, packet.weight)
    return items
  }

  /**
   * Tears down every slot that was set up and is not yet torn down, and then closes the runner; gives what has to be
   * waited for. Each of it happens once.
   */
  tearDown(runner: Runner | undefined, reason: TeardownReason): Promise<void>[] {
    this.#over = { runner, reason }
    const ends = this.ready().map((slot) => this.#tearDownSlot(slot, runner, reason))
    const waits = ends.filter((end) => end !== undefined)
    return runner?.close === undefined || this.#closed ? waits : [this.#close(runner, waits, reason)]
  }

  #tearDownSlot(slot: WorkerSlot, runner: Runner | undefined, reason: TeardownReason): Promise<void> | undefined {
    slot.ready = false
    this.#active--
    const fail = (error: unknown): void => this.#onError(error, 'teardown')
    try {
      const end = this.#scope.run(() => runner?.teardown?.(slot, reason), undefined)
      return isThenable(end) ? Promise.resolve(end).then(() => {}, fail) : undefined
    } catch (error) {
      fail(error)
      return undefined
    }
  }

  async #close(runner: Runner, teardowns: readonly Promise<void>[], reason: TeardownReason): Promise<void> {
    await Promise.all(teardowns)
    if (this.#closed) return
    this.#closed = true
    try {
      await runner.close?.(reason)
    } catch (error) {
      this.#onError(error, 'teardown')
    }
  }

  #make(): WorkerSlot {
    const slot = new WorkerSlot(this.#owner, this.#all.length)
    this.#all.push(slot)
    return slot
  }

  async #setUpLate(slot: WorkerSlot, state: PromiseLike<unknown>): Promise<WorkerSlot | undefined> {
    try {
      return this.#setUp(slot, await state)
    } catch (error) {
      return this.#setUpFailed(error)
    }
  }

  #setUp(slot: WorkerSlot, state: unknown): WorkerSlot | undefined {
    slot.state = state
    this.#nowReady(slot)
    if (this.#over === undefined) return slot
    this.tearDown(this.#over.runner, this.#over.reason)
    return undefined
  }

  #nowReady(slot: WorkerSlot): void {
    slot.ready = true
    this.#active++
  }

  #setUpFailed(error: unknown): undefined {
    this.#onError(error, 'setup')
    return undefined
  }
}
