import { type NodeBinding, PipelineError, RunnerError } from '@pipelines/core'
import { Lane } from './lane.js'
import type { LaneOwner } from './lane-owner.js'
import type { Pool } from './pool.js'

/** Who is told of the workers of a node. */
export interface StaffOwner extends LaneOwner {
  /** Has `setup` run in a worker. */
  setUp(lane: Lane): Promise<unknown>
  /** No more calls can be made. */
  broken(error: RunnerError): void
}

/** The workers of a node, by index: taken from the pool, made ready, and replaced when one is needed that has died. */
export class Staff {
  /** Settles when all that there are from the start are warm. */
  readonly ready: Promise<void>
  readonly #owner: StaffOwner
  readonly #pool: Pool
  readonly #binding: NodeBinding
  readonly #lanes: Lane[] = []
  /** Those that were told to set up: that they have done so is known here a little later. */
  readonly #beginning = new Set<Lane>()
  /** Those whose teardown has begun. */
  readonly #leaving = new Set<Lane>()
  #closing = false

  constructor(binding: NodeBinding, pool: Pool, owner: StaffOwner) {
    this.#binding = binding
    this.#pool = pool
    this.#owner = owner
    const warm = Array.from({ length: binding.properties.workers }, (_, index) => this.#warm(this.#open(index)))
    this.ready = Promise.all(warm).then(() => {})
    this.ready.catch(() => {}) // the network waits for it
  }

  /** All of them, whatever their state. */
  get lanes(): readonly Lane[] {
    return this.#lanes
  }

  /** How many others are set up and not torn down. */
  activeBeside(lane: Lane): number {
    return this.#lanes.filter((other) => other !== lane && this.#isActive(other)).length
  }

  /** Those among the first so many that may be sent calls. */
  usable(count: number): readonly Lane[] {
    return this.#lanes.filter(({ index, isSetUp, isOver }) => index < count && isSetUp && !isOver)
  }

  /** Makes a worker ready for calls; once it is, gives it. Rejects with a {@link RunnerError}. */
  prepare(index: number): Promise<Lane> {
    const present = this.#lanes[index]
    const lane = present === undefined || present.isOver ? this.#open(index) : present
    lane.prepared ??= this.#prepare(lane)
    lane.prepared.catch(() => {}) // whoever waits for it sees that
    return lane.prepared
  }

  /** Makes ready so many more, among the first `count`: the first of them first, so that no more are set up than needed. */
  prepareMore(more: number, count: number): void {
    let left = more
    for (let index = 0; index < count && left > 0; index++) {
      const lane = this.#lanes[index]
      const isThere = lane !== undefined && !lane.isOver
      if (isThere && lane.isSetUp) continue
      left--
      if (isThere && lane.prepared !== undefined) continue
      this.prepare(index).then(
        () => this.#owner.hasRoom(),
        (error) => this.#owner.broken(error),
      )
    }
  }

  /** Ends all sessions; gives the workers back that can be used again. `tearDown` is called for each that was set up. */
  async close(tearDown: (lane: Lane) => Promise<unknown>): Promise<void> {
    this.#closing = true
    const ends = await Promise.allSettled(this.#lanes.map((lane) => this.#close(lane, tearDown)))
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  async kill(): Promise<void> {
    this.#closing = true
    await Promise.all(this.#lanes.map((lane) => lane.kill()))
  }

  #isActive(lane: Lane): boolean {
    return (lane.isSetUp || this.#beginning.has(lane)) && !lane.isOver && !this.#leaving.has(lane)
  }

  #open(index: number): Lane {
    const { link, isUsed } = this.#pool.take(this.#binding.node)
    const lane = new Lane(index, this.#owner, { link, isUsed, needsSetup: this.#binding.coro.setup !== undefined })
    this.#lanes[index] = lane
    return lane
  }

  /** Waits until a worker has loaded its code. One that was kept warm may have been about to end: then for another one. */
  async #warm(lane: Lane): Promise<Lane> {
    try {
      await lane.ready
      return lane
    } catch (error) {
      if (lane.isUsed && !this.#closing) return this.#warm(this.#open(lane.index))
      throw error
    }
  }

  async #prepare(first: Lane): Promise<Lane> {
    try {
      const lane = await this.#warm(first)
      if (lane !== first) return await this.prepare(lane.index)
      if (lane.isSetUp) return lane
      this.#beginning.add(lane)
      await this.#owner.setUp(lane)
      if (lane.isOver) throw new PipelineError('INTERNAL', { what: 'a worker that has ended was set up' })
      lane.isSetUp = true
      return lane
    } catch (error) {
      throw error instanceof RunnerError ? error : new RunnerError('setup', error)
    } finally {
      this.#beginning.delete(first)
    }
  }

  async #close(lane: Lane, tearDown: (lane: Lane) => Promise<unknown>): Promise<void> {
    try {
      await lane.prepared?.catch(() => {}) // known already
      if (lane.isIdle && lane.isSetUp) {
        this.#leaving.add(lane)
        await tearDown(lane)
      }
    } finally {
      const link = await lane.close()
      if (link !== undefined) await this.#pool.give(link, this.#binding.node)
    }
  }
}
