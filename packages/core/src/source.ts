import { OPEN } from './chain.js'
import { DROP, type Meta, type SourceOutput } from './coro.js'
import { AGAIN, EmittingNode } from './emitting-node.js'
import { PipelineError } from './errors.js'
import { Draw, END, isThenable, iteratorOf } from './iterate.js'
import type { NodeOptions } from './node-options.js'
import { type OwnPlace, ownPlaceOf } from './own-place.js'
import { pacer } from './pacer.js'
import { NO_META, Packet, Scope, withMeta } from './packet.js'
import { OUT } from './plan.js'
import { Root } from './roots.js'
import type { WorkerSlot } from './slot.js'
import type { StreamInputs } from './stream-inputs.js'
import { show } from './text.js'

export interface SourceOptions extends NodeOptions {
  /** What an inlet is fed with, in place of a coroutine. */
  readonly input?: Iterable<unknown> | AsyncIterable<unknown>
}

/**
 * A node without input edges: its coroutine makes the items, or it draws them from an iterable. One burst is the whole
 * run of the coroutine; a full successor makes it wait.
 */
export class Source extends EmittingNode {
  readonly #input: Iterable<unknown> | AsyncIterable<unknown> | undefined
  /** Outputs so far. */
  #made = 0
  /** Puts that nobody has accepted yet. */
  readonly #puts = new Set<Promise<void>>()
  /** That of the next item; absent where items need none. */
  readonly #place: OwnPlace | undefined
  /** Whether nothing has happened that a stretch of plain values would have to know of. */
  #steady = false
  /** Settles on resume; absent while not paused. */
  #resumed: Promise<void> | undefined
  #release: () => void = () => {}

  constructor(options: SourceOptions) {
    super(options)
    this.#input = options.input
    this.#place = ownPlaceOf(this.outlet.places, this.movement)
  }

  override pause(): void {
    super.pause()
    if (!this.bursts.paused) return
    this.close()
    this.#resumed ??= new Promise((resume) => {
      this.#release = resume
    })
  }

  override resume(): void {
    super.resume()
    this.#resumed = undefined
    this.#release()
  }

  protected override begin(): void {
    this.schedule(this.#burst)
  }

  protected override halted(): void {
    this.close()
  }

  protected override unwanted(): void {
    super.unwanted()
    this.close()
  }

  readonly #burst = async (): Promise<void> => {
    const started = pacer.look()
    this.movement.active++
    try {
      if (this.running) await this.#produce()
    } finally {
      this.movement.active--
      this.counters.busyMs += pacer.look() - started
      this.burstEnded()
      if (this.running) void this.finish()
    }
  }

  async #produce(): Promise<void> {
    const slot = await this.slot()
    if (slot === undefined) return
    try {
      const iterator = this.#input === undefined ? await this.#call(slot) : iteratorOf(this.#input)
      if (iterator !== undefined && this.running) await this.#draw(slot, new Draw(iterator))
      // A coroutine may return without having awaited its last puts.
      while (this.#puts.size > 0) await Promise.allSettled(this.#puts)
    } catch (error) {
      if (!this.isAbort(error)) this.host.fail(this.failure(error, 'run'))
    } finally {
      this.slots.release(slot)
    }
  }

  /** Runs the coroutine; gives the iterator of what it returned, if that is iterable. */
  async #call(slot: WorkerSlot): Promise<ReturnType<typeof iteratorOf>> {
    const output: SourceOutput & Pick<StreamInputs, 'places'> = {
      put: (value, options) => this.#put(slot, value, options?.meta),
      places: (most) => this.#place?.takeMore(most) ?? 1,
    }
    const result = this.runner.run(output, slot)
    const returned = isThenable(result) ? await result : result
    const iterator = iteratorOf(returned)
    await this.sendEmissions(slot, { origin: () => this.#origin(NO_META), onSent: (...sent) => this.#sent(...sent) })
    if (iterator === undefined && returned !== undefined && returned !== null && this.#made === 0)
      throw new PipelineError('CORO_TYPE', {
        node: this.name,
        what: `is a source, but its coroutine returned ${show(returned)}`,
        hint: 'Yield the items, return an iterable other than a string, or call output.put().',
      })
    return iterator
  }

  async #draw(slot: WorkerSlot, draw: Draw): Promise<void> {
    const common = this.#origin(NO_META)
    await this.expand(slot, draw, {
      origin: this.host.countsRoots ? () => this.#origin(NO_META) : () => common,
      ...(!this.host.countsRoots && { next: (from: Draw) => this.#stretch(slot, from) }),
      place: this.#place,
      gate: () => {
        slot.index = ++this.#made
        return this.#resumed && this.#untilResumed()
      },
      onSent: (...sent) => this.#sent(...sent),
    })
  }

  /** Hands values on for as long as nothing has to wait; gives the first that something has to be done about. */
  #stretch(slot: WorkerSlot, draw: Draw): unknown {
    const { outlet, counters } = this
    const fed = this.#input !== undefined
    if (this.#resumed !== undefined) return draw.next()
    slot.beginBare(this)
    this.#steady = this.running && this.wanted
    while (this.#steady) {
      const drawn = draw.next()
      // Numbers and texts need no closer look.
      const isPlain = typeof drawn === 'number' || typeof drawn === 'string'
      if (!isPlain && (drawn === END || drawn === DROP || isThenable(drawn))) return drawn
      if (!this.#steady) return drawn
      const { next } = outlet
      if (next !== undefined && next.state === OPEN) {
        counters.emitted++
        next.enter(drawn)
      } else if (outlet.bare?.offerBare(drawn)) counters.emitted++
      else if (!outlet.passBare(drawn)) return drawn
      slot.index = ++this.#made
      if (fed) {
        counters.received++
        counters.completed++
      }
      if (pacer.due()) return AGAIN
    }
    return AGAIN
  }

  /** The next value is not to be handed on like the others. */
  close(): void {
    this.#steady = false
  }

  async #untilResumed(): Promise<void> {
    while (this.#resumed !== undefined) await this.#resumed
  }

  /** `output.put`, the seeds' way. A promise that nobody awaits must not end the process when the run is doomed. */
  #put(slot: WorkerSlot, value: unknown, more: Meta | undefined): Promise<void> {
    const done = this.#putInTurn(slot, value, withMeta(NO_META, more))
    const settled = (): void => {
      this.#puts.delete(done)
    }
    this.#puts.add(done)
    done.then(settled, settled)
    return done
  }

  async #putInTurn(slot: WorkerSlot, value: unknown, meta: Meta): Promise<void> {
    if (!this.running) throw this.#refusal
    slot.index = ++this.#made
    if (this.#resumed !== undefined) await this.#untilResumed()
    if (!this.running && (this.doomed || this.state === 'ended')) {
      this.#sent(value, false, meta)
      throw this.#refusal
    }
    // In the scope of the run, and not of whoever puts: a coroutine may be called on this stack.
    const sent = this.host.scope.run(this.#send, this, value, meta)
    const accepted = typeof sent === 'boolean' ? sent : await this.movement.until(sent)
    this.#sent(value, accepted, meta)
    if (!accepted && !this.running) throw this.#refusal
    if (pacer.due()) await pacer.turn()
  }

  #send(value: unknown, meta: Meta): boolean | Promise<boolean> {
    const origin = this.#origin(meta)
    this.#place?.leaves(origin)
    return this.outlet.send(origin, OUT, value, meta)
  }

  get #refusal(): unknown {
    return this.signal.aborted
      ? this.signal.reason
      : new PipelineError('STATE_NOT_RUNNING', { what: `Source "${this.name}"`, state: this.state })
  }

  /** What an output descends from: where a ledger is kept, a root of its own. */
  #origin(meta: Meta): Packet {
    const { scope, roots, countsRoots } = this.host
    return new Packet(undefined, meta, countsRoots ? new Scope([new Root(roots)], scope) : scope)
  }

  /** What was made and not accepted when the run was doomed is reported, not forgotten. */
  #sent(value: unknown, accepted: boolean, meta: Meta): void {
    const fed = this.#input !== undefined
    if (fed) this.counters.received++
    if (this.doomed && !accepted && value !== DROP) {
      const packet = new Packet(value, meta, this.host.scope)
      if (fed) this.givenUp(packet)
      else this.host.lost(this.name, packet)
    } else if (fed) {
      this.counters.completed++
      if (!accepted && !this.outlet.leaf) this.counters.dropped++
    }
  }
}
