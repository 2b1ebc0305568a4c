import { PipelineError } from './errors.js'

export type RunState = 'idle' | 'starting' | 'running' | 'draining' | 'doomed' | 'settled'
export type NodeState = 'idle' | 'running' | 'ending' | 'stopping' | 'ended'

/** Which state may follow which. */
export type Moves<S extends string> = { readonly [K in S]: readonly S[] }

/**
 * What a run may do next. It starts, flows, and settles by itself when all nodes have ended; `drain` closes the sources
 * and lets everything inside flow out; doomsday (an error, a deadline, the caller) cancels what is left. Whatever
 * happens, it settles.
 */
export const RUN_MOVES: Moves<RunState> = {
  idle: ['starting', 'doomed'],
  starting: ['running', 'doomed'],
  running: ['draining', 'doomed', 'settled'],
  draining: ['doomed', 'settled'],
  doomed: ['settled'],
  settled: [],
}

/**
 * What a node may do next. `running` takes items; `ending` has seen the last one and flushes and tears down; `stopping`
 * was told to stop and waits for its calls to return; `ended` holds nothing any more.
 */
export const NODE_MOVES: Moves<NodeState> = {
  idle: ['running', 'stopping'],
  running: ['ending', 'stopping'],
  ending: ['stopping', 'ended'],
  stopping: ['ended'],
  ended: [],
}

/** One state with one writer. A move that the table does not list is a bug of the engine. */
export class Lifecycle<S extends string> {
  #state: S
  readonly #moves: Moves<S>
  readonly #onMove: (from: S, to: S) => void

  constructor(moves: Moves<S>, first: S, onMove: (from: S, to: S) => void) {
    this.#state = first
    this.#moves = moves
    this.#onMove = onMove
  }

  get state(): S {
    return this.#state
  }

  /** Whether `to` may follow now. */
  may(to: S): boolean {
    return this.#moves[this.#state].includes(to)
  }

  move(to: S): void {
    const from = this.#state
    if (!this.may(to)) throw new PipelineError('INTERNAL', { what: `a move from "${from}" to "${to}"` })
    this.#state = to
    this.#onMove(from, to)
  }
}
