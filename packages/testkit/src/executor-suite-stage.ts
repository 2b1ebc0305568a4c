import assert from 'node:assert/strict'
import { type Executor, imbalances, isPipelineError, type Logger, type Meta, type RunReport } from '@pipelines/core'
import { moduleCoros, type Pipeline, Plumber, type PropertiesDocument, type RunOptions } from '@pipelines/plumber'
import { feedInlets } from './feed.js'

/** The built files, also where this one is run from source: an executor may be unable to load TypeScript. */
const COROS = ['executor-coros', 'executor-suite-coros'].map((name) =>
  moduleCoros(new URL(`../dist/${name}.js`, import.meta.url)),
)
/** Milliseconds after which a run that does not end is ended, and its case has failed. */
const DEADLINE_MS = 10_000
/** Milliseconds that calls get to obey. */
const GRACE_MS = 3000

/** A node of a case. */
export interface StageNode {
  readonly coro: string
  readonly args?: Readonly<Record<string, unknown>>
  readonly properties?: PropertiesDocument
}

/** A graph of a case. */
export interface StageGraph {
  readonly nodes: Readonly<Record<string, StageNode>>
  readonly graph: Readonly<Record<string, readonly (string | { readonly to: string; readonly port: string })[]>>
}

/** How a case runs its graph. */
export interface StageOptions extends Omit<RunOptions, 'onOutput' | 'logger'> {
  readonly validate?: boolean
  /** The meta that every input brings. */
  readonly meta?: Meta
}

/** An error as one can compare it. */
export type Told = Readonly<Record<string, unknown>>

/** What came of a run, without what depends on time. */
export interface Played {
  readonly values: readonly unknown[]
  readonly outputs: readonly unknown[]
  /** What the coroutines told by `ctx.log`. */
  readonly notes: readonly unknown[]
  readonly outcome: RunReport['outcome']
  readonly error: Told | undefined
  readonly reason: unknown
  readonly errors: readonly Told[]
  readonly nodes: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly edges: readonly unknown[]
  readonly unprocessed: readonly unknown[]
  readonly abandoned: readonly string[]
  readonly roots: unknown
}

/** A graph that runs. */
export interface Playing {
  readonly pipeline: Pipeline
  readonly notes: readonly unknown[]
  /** Resolves when a coroutine has told `what` so many times; rejects when the run has ended before. */
  noted(what: string, times?: number): Promise<void>
  /** Ends the input, and waits until the run has settled. Throws where the books do not balance. */
  ended(): Promise<Played>
  /** The same without ending the input. */
  settled(): Promise<Played>
}

/** Runs the graphs of a case with one executor, and keeps what came of them. */
export class Stage {
  readonly #executor: Executor
  readonly #played: Played[] = []

  constructor(executor: Executor) {
    this.#executor = executor
  }

  /** What came of all its runs. */
  get played(): readonly Played[] {
    return this.#played
  }

  /** Runs a graph to its end; a single node is fed by an inlet. */
  async run(
    work: StageNode | StageGraph,
    input: readonly unknown[] | Readonly<Record<string, readonly unknown[]>> = [],
    options: StageOptions = {},
  ): Promise<Played> {
    const playing = await this.start(work, options)
    const inputs = Array.isArray(input) ? { in: input } : input
    const given = 'nodes' in work && !('in' in work.nodes) && Array.isArray(input) ? {} : inputs
    await feedInlets(playing.pipeline, new Map(Object.entries(given)), options.meta)
    return playing.settled()
  }

  /** Starts a graph; a single node gets an inlet. */
  async start(
    work: StageNode | StageGraph,
    { validate, meta: _, env = {}, ...options }: StageOptions = {},
  ): Promise<Playing> {
    const notes = new Notes()
    const plumber = await Plumber.create(this.#document(work), {
      ...{ coroMap: COROS, executors: [this.#executor], logger: notes.logger, env },
      ...(validate !== undefined && { validate }),
    })
    const outputs: { readonly value: unknown }[] = []
    const pipeline = plumber.createPipeline({
      ...{ deadlineMs: DEADLINE_MS, graceMs: GRACE_MS },
      ...options,
      onOutput: ({ node, port, value, meta }) => void outputs.push({ node, port, value, meta } as { value: unknown }),
    })
    const settled = async (): Promise<Played> => {
      const report = await pipeline.settled
      assert.deepEqual(imbalances(report), [], 'the books of the run balance')
      const played = playedOf(report, outputs, notes.notes)
      this.#played.push(played)
      return played
    }
    const ended = (): Promise<Played> => {
      pipeline.end()
      return settled()
    }
    void pipeline.settled.then(() => notes.over())
    return { pipeline, notes: notes.notes, noted: (what, times) => notes.until(what, times), settled, ended }
  }

  /** Every node that has a coroutine of ours runs in the executor, unless it says otherwise. */
  #document(work: StageNode | StageGraph): object {
    const { nodes, graph } =
      'nodes' in work ? work : { nodes: { in: { coro: 'std.inlet' }, work }, graph: { in: ['work'] } }
    const placed = Object.entries(nodes).map(([name, node]) => {
      const { properties } = node as StageNode
      if (node.coro === 'std.inlet') return [name, node]
      return [name, { ...node, properties: { executor: this.#executor.name, ...properties } }]
    })
    return { nodes: Object.fromEntries(placed), graph }
  }
}

/** What coroutines tell, as it comes. */
class Notes {
  readonly notes: unknown[] = []
  readonly logger: Logger
  #waiting: { readonly isThere: () => boolean; readonly resolve: () => void; readonly reject: () => void }[] = []

  constructor() {
    const at =
      (level: keyof Logger) =>
      (fields: object, message?: string): void => {
        if ('note' in fields) this.#add(message === undefined ? fields.note : { level, message, note: fields.note })
      }
    this.logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }

  until(what: string, times = 1): Promise<void> {
    const isThere = (): boolean => this.notes.filter((note) => what === (Array.isArray(note) ? note[0] : note)).length >= times
    if (isThere()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const failed = (): void => reject(new Error(`The run ended before ${JSON.stringify(what)} was told.`))
      this.#waiting.push({ isThere, resolve, reject: failed })
    })
  }

  over(): void {
    for (const { reject } of this.#waiting.splice(0)) reject()
  }

  #add(note: unknown): void {
    this.notes.push(note)
    for (const { isThere, resolve } of this.#waiting) if (isThere()) resolve()
    this.#waiting = this.#waiting.filter(({ isThere }) => !isThere())
  }
}

function playedOf(report: RunReport, outputs: readonly { readonly value: unknown }[], notes: readonly unknown[]): Played {
  const { outcome, error, reason, errors, unprocessed, abandoned, roots } = report
  const without = (counts: object, ...keys: readonly string[]): [string, number][] =>
    Object.entries(counts).filter(([key]) => !keys.includes(key))
  return {
    values: outputs.map(({ value }) => value),
    outputs: [...outputs],
    notes: [...notes],
    outcome,
    error: error && (told(error) as Told),
    reason: told(reason),
    errors: errors.map((one) => told(one) as Told),
    nodes: Object.fromEntries(
      Object.entries(report.nodes).map(([name, counts]) => [name, Object.fromEntries(without(counts, 'busyMs'))]),
    ),
    edges: report.edges.map((edge) => Object.fromEntries(without(edge, 'waits'))),
    unprocessed: unprocessed.map(({ node, value, meta }) => ({ node, value, meta })),
    abandoned: [...abandoned],
    roots,
  }
}

const NATIVE = [AggregateError, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]
/** What is told of an error elsewhere, or differs from run to run. */
const LEFT_OUT: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause', 'errors', 'details', 'report'])

/** An error as plain data, with its causes; everything else as it is. */
export function told(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const Class = NATIVE.find((one) => error instanceof one)
  const own = Object.entries(error).filter(([key]) => !LEFT_OUT.has(key))
  return {
    ...{ name: error.name, message: error.message },
    ...(Class && { class: Class.name }),
    ...Object.fromEntries(own),
    ...('cause' in error && { cause: told(error.cause) }),
    ...(error instanceof AggregateError && { errors: error.errors.map(told) }),
    ...(isPipelineError(error) && { ours: true, details: detailsOf(error.details) }),
    ...(!isPipelineError(error) && 'details' in error && { details: error.details }),
  }
}

function detailsOf(details: object): unknown {
  const told = Object.entries(details).filter(([key]) => key !== 'cause' && key !== 'errors')
  return Object.fromEntries(told)
}
