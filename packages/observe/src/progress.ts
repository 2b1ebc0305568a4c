import { PipelineError, type RunReport, type Snapshot, show } from '@pipelines/core'
import { bottleneck } from './bottleneck.js'
import type { Observed } from './observed.js'
import { Pace, perSecond } from './pace.js'
import { lineOf, type Standing } from './progress-line.js'

/** Goes to the start of the line and clears it. */
const CLEAR = '\r\u001b[K'
const LIVE_MS = 100
const PLAIN_MS = 5_000
/** Columns of a terminal that does not say. */
const COLUMNS = 80

/** Where progress is shown: `process.stderr` fits. */
export interface Screen {
  /** Whether it is a terminal, on which a line can be written again. */
  readonly isTTY?: boolean | undefined
  /** How wide the terminal is; read for every line. */
  readonly columns?: number | undefined
  write(text: string): unknown
}

/** How progress is shown. */
export interface ProgressOptions {
  /** How many there will be in all: adds a percentage, and the time left at the present pace. */
  readonly total?: number
  /**
   * What counts as done. By default the items that the leaves have completed, of which a join counts every part. What it
   * throws, the first call of it excepted, is ignored.
   */
  readonly done?: (snapshot: Snapshot) => number
  /** Milliseconds between two lines. @defaultValue 100 on a terminal, 5000 elsewhere */
  readonly everyMs?: number
}

/**
 * Shows how far a pipeline is, until it settles. On a terminal that is one line, written again and again and cut to the
 * width, of which nothing is left in the end. Elsewhere it is a line now and then, and a last one with the outcome.
 *
 * It keeps no process alive, and what the screen throws is ignored.
 *
 * @returns a function that ends it early, without the last line
 * @throws `PLB_OPTION_INVALID`, or what `done` throws when it is first called, which is at once
 */
export function progress(pipeline: Observed, screen: Screen, options: ProgressOptions = {}): () => void {
  const live = screen.isTTY === true
  const { everyMs = live ? LIVE_MS : PLAIN_MS } = checked(options)
  const watch = new Watch(pipeline, options)
  let drawn = false
  let over = false
  const draw = guarded(() => {
    const line = watch.line()
    write(screen, live ? CLEAR + line.slice(0, (screen.columns || COLUMNS) - 1) : `${line}\n`)
    drawn = true
  })
  const timer = setInterval(draw, everyMs)
  timer.unref()
  const end = guarded((report?: RunReport) => {
    if (over) return
    over = true
    clearInterval(timer)
    if (live && drawn) write(screen, CLEAR)
    if (!live && report !== undefined) write(screen, `${report.outcome}: ${watch.lastLine()}\n`)
  })
  const stop = (): void => end()
  // The first thing that happens when it has settled: whoever waits for the report may write to the same screen.
  void pipeline.settled.then(end, stop)
  return stop
}

/** Watches one pipeline for one screen. */
class Watch {
  readonly #pipeline: Observed
  readonly #done: (snapshot: Snapshot) => number
  readonly #total: number | undefined
  readonly #pace = new Pace()

  constructor(pipeline: Observed, { total, done = completedByLeaves }: ProgressOptions) {
    this.#pipeline = pipeline
    this.#done = done
    this.#total = total
    this.#look()
  }

  /** How it stands, and the pace of the last seconds. */
  line(): string {
    const standing = this.#look()
    return lineOf({ ...standing, perSecond: this.#pace.perSecond, isOver: false })
  }

  /** How it stands, and the pace on average. */
  lastLine(): string {
    const standing = this.#look()
    return lineOf({ ...standing, perSecond: perSecond(standing.done, standing.elapsedMs), isOver: true })
  }

  #look(): Omit<Standing, 'perSecond' | 'isOver'> {
    const snapshot = this.#pipeline.snapshot()
    const nodes = Object.values(snapshot.nodes)
    const done = this.#done(snapshot)
    this.#pace.add(snapshot.durationMs, done)
    return {
      done,
      total: this.#total,
      failed: nodes.reduce((sum, node) => sum + node.failed, 0),
      inProgress: nodes.reduce((sum, node) => sum + node.inProgress, 0),
      bottleneck: bottleneck(snapshot),
      elapsedMs: snapshot.durationMs,
    }
  }
}

function completedByLeaves({ nodes, edges }: Snapshot): number {
  const inner = new Set(edges.map(({ from }) => from))
  return Object.entries(nodes).reduce((sum, [name, node]) => sum + (inner.has(name) ? 0 : node.completed), 0)
}

/** Writes; a promise that the screen gives back may reject, and hurts nobody either. */
function write(screen: Screen, text: string): void {
  const written = screen.write(text)
  if (written instanceof Promise) written.catch(() => undefined)
}

/** What a screen, or whoever is watched, throws while nobody asked hurts nobody. */
function guarded<A extends readonly unknown[]>(call: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      call(...args)
    } catch {}
  }
}

function checked(options: ProgressOptions): ProgressOptions {
  const { total, done, everyMs } = options
  refuse('total', total, total === undefined || (Number.isFinite(total) && total >= 0), 'must be a number ≥ 0')
  refuse('done', done, done === undefined || typeof done === 'function', 'must be a function')
  const isDelay = everyMs === undefined || (everyMs > 0 && everyMs <= 2 ** 31 - 1)
  refuse('everyMs', everyMs, isDelay, 'must be a number of milliseconds above 0, at most 2147483647')
  return options
}

function refuse(option: string, value: unknown, isRight: boolean, what: string): void {
  if (!isRight) throw new PipelineError('OPTION_INVALID', { option, what: `${what}, got ${show(value)}` })
}
