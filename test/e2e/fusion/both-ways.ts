import { type Context, imbalances, type Output, PipelineError, type RunReport } from '@pipelines/core'
import type { RunOptions, Successor } from '@pipelines/plumber'
import { beforeEach, expect } from 'vitest'
import { chain, type Pipeline, plumberOf, type SourceOutput, type Stage, turns } from '../../support/blackbox.js'
import { type HandClock, handClock } from '../../support/still-clock.js'

/*
 * Runs the same thing with and without call chains, with and without a ledger, and compares everything that can be seen
 * from outside: what may differ are times, how often somebody waited for room, and the order of calls of different nodes.
 */

/** A coroutine as it is written in a scenario. */
export type Run = (value: never, context: Context) => unknown

/** One run of a scenario, and what it notes. */
export class Play {
  /** Every call, in order: the name of the node and its input. */
  readonly trace: string[] = []
  /** The calls of each node, with all that the context told them. */
  readonly calls = new Map<string, string[]>()
  /** What was handed over, by leaf. */
  readonly outputs = new Map<string, string[]>()
  /** Whatever else a scenario wants to be the same. */
  readonly notes: unknown[] = []
  readonly options: RunOptions
  #pipeline: Pipeline | undefined

  constructor(options: RunOptions) {
    this.options = options
  }

  /** The run; only once it has begun. */
  get pipeline(): Pipeline {
    if (this.#pipeline === undefined) throw new Error('It has not begun.')
    return this.#pipeline
  }

  set pipeline(pipeline: Pipeline) {
    this.#pipeline = pipeline
  }

  /** The coroutine, which notes its calls. */
  noting(name: string, run: Run): Run {
    return (value, context) => {
      const { index, meta, attempt, idempotencyKey } = context
      const key = idempotencyKey.slice(idempotencyKey.indexOf('/'))
      this.trace.push(`${name} ${text(value)}`)
      push(this.calls, name, `${text(value)} ${text({ index, meta, attempt, key })}`)
      return run(value, context)
    }
  }

  /** Takes an output. */
  readonly take = ({ node, port, value, meta }: Output): void =>
    push(this.outputs, node, `${port} ${text(value)} ${text(meta)}`)

  /** What goes on in the middle of a run, from inside a call. */
  state(): string {
    const { state, nodes, edges } = this.pipeline.snapshot()
    return text([
      state,
      Object.entries(nodes).map(([name, { busyMs, ...counts }]) => [name, counts]),
      edges.map(({ waits, oldestMs, ...edge }) => edge),
    ])
  }
}

export interface Scenario {
  /** Made anew for each run. */
  readonly nodes: (play: Play) => Readonly<Record<string, Stage>>
  /** @defaultValue the nodes stand in one line */
  readonly graph?: Readonly<Record<string, readonly Successor[]>>
  readonly options?: (play: Play) => RunOptions
  /** Whether requests are made, which have verdicts without a ledger too. */
  readonly asks?: boolean
  /** Called once it has begun. */
  readonly act?: (play: Play) => Promise<unknown>
}

/** What was seen of a run that is over. */
export interface Seen {
  readonly play: Play
  readonly report: RunReport
}

/**
 * Whether all items go their way, or the run ends while some are on it: then how far each has come may differ. Where
 * neither is known, the outcome says it.
 */
export type Strictness = 'all' | 'until it ends' | 'as it ends'

/** Runs it in all ways and asserts that they are the same. Gives what was seen of the run in chains, without a ledger. */
export async function sameBothWays(scenario: Scenario, strictness: Strictness = 'all'): Promise<Seen> {
  const fused = await runOf(scenario, {})
  const others = [{ fuse: false }, { ledger: true }, { fuse: false, ledger: true }]
  const seen = [fused]
  for (const options of others) seen.push(await runOf(scenario, options))
  const isWhole = strictness === 'all' || (strictness === 'as it ends' && fused.report.outcome === 'completed')
  for (const other of seen.slice(1))
    if (isWhole) expect(accountOf(other), nameOf(other)).toEqual(accountOf(fused))
    else expectAlike(other, fused)
  const verdicts = seen.map(({ report }) => report.roots)
  if (scenario.asks === true) expect(verdicts[1], 'verdicts').toEqual(verdicts[0])
  else expect(verdicts.slice(0, 2)).toEqual([undefined, undefined])
  if (isWhole) expect(verdicts[2], 'verdicts').toEqual(verdicts[3])
  return fused
}

/** Runs it in one way to its end. */
export async function runOf({ nodes, graph, options, asks, act }: Scenario, way: RunOptions): Promise<Seen> {
  const play = new Play(way)
  const stages = nodes(play)
  const plumber = graph === undefined ? chain(stages) : plumberOf(stages, graph)
  play.pipeline = plumber.createPipeline({ graceMs: 1_000, onOutput: play.take, ...way, ...options?.(play) })
  await act?.(play)
  const report = await play.pipeline.settled
  await turns(2)
  const seen = { play, report }
  expect(imbalances(report), nameOf(seen)).toEqual([])
  // What was taken out with its request is not listed.
  if (asks !== true) expectListed(seen)
  return seen
}

/** Asserts that what was not processed is listed where it was, and that there is a verdict for what left the sources. */
function expectListed({ play, report: { nodes, edges, unprocessed, roots } }: Seen): void {
  let entered = 0
  for (const [name, counts] of Object.entries(nodes)) {
    const inputs = edges.filter(({ to }) => to === name)
    if (inputs.length === 0) entered += counts.emitted
    else {
      const waited = inputs.reduce((sum, edge) => sum + edge.unprocessed, 0)
      const listed = unprocessed.filter(({ node }) => node === name)
      expect(listed.length, `listed at ${name}, ${JSON.stringify(play.options)}`).toBe(counts.unprocessed + waited)
    }
  }
  if (roots === undefined) return
  const verdicts = Object.values(roots).reduce((sum, count) => sum + count, 0)
  expect(verdicts, `verdicts, ${JSON.stringify(play.options)}`).toBeGreaterThanOrEqual(entered)
}

/** Everything that must be the same. */
function accountOf({ play, report }: Seen): object {
  const { outcome, error, reason, nodes, edges, unprocessed, abandoned, errors } = report
  return {
    outcome,
    error: error && summaryOf(error),
    reason: text(reason),
    outputs: play.outputs,
    calls: play.calls,
    notes: play.notes,
    nodes: Object.entries(nodes).map(([name, { busyMs, ...counts }]) => [name, counts]),
    edges: edges.map(({ waits, ...counts }) => counts),
    unprocessed: unprocessed.map(text).toSorted(),
    abandoned: abandoned.toSorted(),
    // No more than 100 are listed: then it is up to the order of events which.
    errors: errors.length < 100 ? errors.map(summaryOf).toSorted() : 100,
  }
}

/** Asserts that two runs that were ended are the same as far as they have come. */
function expectAlike(one: Seen, other: Seen): void {
  const of = ({ report: { outcome, error, reason, abandoned } }: Seen) => ({
    outcome,
    error: error && summaryOf(error),
    reason: text(reason),
    abandoned,
  })
  expect(of(one), nameOf(one)).toEqual(of(other))
  for (const [name, list] of one.play.outputs) expectPrefix(list, other.play.outputs.get(name) ?? [], `from ${name}`)
  for (const [name, list] of one.play.calls) expectPrefix(list, other.play.calls.get(name) ?? [], `calls of ${name}`)
}

/** Asserts that the shorter list is how the longer one begins. */
function expectPrefix(one: readonly string[], other: readonly string[], what: string): void {
  const length = Math.min(one.length, other.length)
  expect(one.slice(0, length), what).toEqual(other.slice(0, length))
}

const nameOf = ({ play }: Seen): string => `run with ${JSON.stringify(play.options)}`

function summaryOf(error: PipelineError): string {
  const { code, details, cause } = error
  const { cause: _, errors, ...rest } = details as Record<string, unknown>
  return text([code, rest, cause])
}

/** What can be told of any value, also of a strange one, without calling anything of it. */
export function text(value: unknown, depth = 0): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return `function ${value.name}`
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value)
  if (value instanceof PipelineError) return summaryOf(value)
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (depth > 4) return '…'
  if (Array.isArray(value)) return `[${value.map((item) => text(item, depth + 1)).join(', ')}]`
  const fields = Object.entries(Object.getOwnPropertyDescriptors(value)).map(
    ([key, field]) => `${key}: ${field.get === undefined ? text(field.value, depth + 1) : 'a getter'}`,
  )
  return `{${fields.join(', ')}}`
}

function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [item])
  else list.push(item)
}

/** How a source gives its values: each once the one before has gone its way, or all as fast as they are taken. */
export const FEEDS: Readonly<Record<string, (values: readonly unknown[]) => Stage>> = {
  'one by one': (values) =>
    async function* (_: SourceOutput, { signal }: Context) {
      for (const value of values) {
        await turns(2)
        // What it would give when nobody listens any more depends on when it hears of that.
        if (signal.aborted) return
        yield value
      }
      await turns(2)
    },
  'from a list': (values) => () => values,
  'from a generator': (values) =>
    function* () {
      yield* values
    },
  'by put, waiting for each': (values) => async (output: SourceOutput) => {
    for (const value of values) await output.put(value)
  },
  'by put, all at once': (values) => async (output: SourceOutput) => {
    await Promise.all(values.map((value) => output.put(value)))
  },
}

/** Whether somebody who ends the run finds it at the same point, whatever way it goes. */
export const isApart = (feed: string): boolean => feed === 'one by one'

/** A clock that the tests of this file may set. It goes on from test to test: the engine remembers when it last looked. */
export function laterClock(): HandClock {
  const clock = handClock(0)
  let latest = 0
  beforeEach(() => {
    latest += 1_000_000
    clock.now = latest
  })
  return clock
}

/** Where there is much to try: those that differ most, and all of them in a long run. */
export const SOME_FEEDS: readonly string[] =
  process.env.SOAK === undefined ? ['one by one', 'from a list', 'by put, all at once'] : Object.keys(FEEDS)
