import { imbalances, inline, type Output, type RunReport } from '@pipelines/core'
import {
  type GraphDocument,
  type Input,
  type Pipeline,
  Plumber,
  type PlumberOptions,
  type RunOptions,
} from '@pipelines/plumber'
import { feedInlets, inputsOf } from './feed.js'
import { heldExecutor } from './held-executor.js'
import { footprint, leaks } from './leaks.js'
import { type Scheduler, StalledError } from './scheduler.js'
import { placeOf } from './stack.js'

/** A run as `check` sees it when it is over. */
export interface Explored {
  /** Everything that the leaves gave, in the order in which it was handed over. */
  readonly outputs: readonly Output[]
  /** The values of `outputs`. */
  readonly values: readonly unknown[]
  readonly report: RunReport
  /** The seed of the run; 0 where a schedule decided. */
  readonly seed: number
}

/** A run as `inject` sees it when it begins. */
export interface Exploring {
  readonly pipeline: Pipeline
  /** Waits until the scheduler decides that it is time: any moment of the run. `label` names it in messages. */
  moment(label: string): Promise<void>
  readonly seed: number
}

/** What a run is made of, checked by, and interfered with. */
export interface RunSetup extends PlumberOptions, RunOptions {
  readonly env?: Readonly<Record<string, unknown>>
  /** What inlets are fed with, as in `Plumber.run`. */
  readonly input?: Input | undefined
  /** How a run may end. @defaultValue `['completed']` */
  readonly outcomes?: readonly RunReport['outcome'][]
  /** Interferes with a run: pauses it, drains it, dooms it. What it throws fails the exploration. */
  readonly inject?: (run: Exploring) => unknown
  /** Called after each run that is sound; what it throws fails the exploration. May be asynchronous. */
  readonly check?: (run: Explored) => unknown
  /**
   * Milliseconds that a run may wait for what is not virtual, such as a file, when nothing else can go on. With it, the
   * order of events is no longer the scheduler's alone.
   *
   * @defaultValue 0
   */
  readonly patienceMs?: number
}

/** Releases after which a run is taken for one that never ends. */
const ENDLESS = 100_000

/** A run that can begin. */
export interface Prepared {
  readonly setup: RunSetup
  /** Its coroutines wait at the scheduler, whatever executors its nodes name. */
  readonly plumber: Plumber
  readonly inputs: ReturnType<typeof inputsOf>
}

/** Builds the graph and checks the input. Throws `PLB_GRAPH_INVALID` or `PLB_OPTION_INVALID`. */
export async function prepared(
  document: GraphDocument | string,
  setup: RunSetup,
  schedulerNow: () => Scheduler,
): Promise<Prepared> {
  const { coroMap, env, executors = [], limits, logger, validate } = setup
  const plumber = await Plumber.create(document, {
    coroMap,
    limits,
    validate,
    ...(env && { env }),
    ...(logger && { logger }),
    executors: [inline, ...executors].map(({ name }) => heldExecutor(name, schedulerNow)),
  })
  return { setup, plumber, inputs: inputsOf(plumber, setup.input) }
}

/** Runs a graph once, in the order that the scheduler decides, and checks everything. Throws what was wrong. */
export async function runOnce(run: Prepared, scheduler: Scheduler): Promise<void> {
  const { outcomes = ['completed'], check } = run.setup
  const before = footprint()
  const { report, outputs } = await driven(run, scheduler)
  if (!outcomes.includes(report.outcome))
    throw report.error === undefined
      ? new Error(`The run ended as "${report.outcome}", which is not among "outcomes".`)
      : Object.assign(report.error, { report })
  complain('The books do not balance', imbalances(report))
  complain('The verdicts do not add up', missingVerdicts(report))
  // What an abandoned call still holds is its own affair.
  const timers = report.abandoned.length > 0 ? [] : scheduler.clock.timers
  const made = timers.map(({ label, made }) => `a pending ${label}, made ${placeOf(made)}`)
  complain('Left behind', [...made, ...(await leaks(before))])
  const values = outputs.map(({ value }) => value)
  await check?.({ outputs, values, report, seed: scheduler.seed })
}

interface Ended {
  readonly report: RunReport
  readonly outputs: readonly Output[]
}

async function driven({ plumber, setup, inputs }: Prepared, scheduler: Scheduler): Promise<Ended> {
  const outputs: Output[] = []
  const restore = scheduler.install()
  try {
    const pipeline = plumber.createPipeline({
      ...runOptionsOf(setup),
      onOutput: (output) => {
        outputs.push(output)
        return setup.onOutput?.(output)
      },
    })
    const work = Promise.all([pipeline.settled, feedInlets(pipeline, inputs), inject(pipeline, setup, scheduler)])
    await drive(pipeline, work, { scheduler, patienceMs: setup.patienceMs })
    const [report] = await work
    return { report, outputs }
  } finally {
    restore()
  }
}

/** What is left of the options for the run itself. */
function runOptionsOf(setup: RunSetup): RunOptions {
  const { coroMap, env, executors, limits, logger, validate, input, outcomes, inject, check, patienceMs, ...run } =
    setup
  return { ledger: true, ...run }
}

async function inject(pipeline: Pipeline, { inject }: RunSetup, scheduler: Scheduler): Promise<void> {
  const moment = async (label: string): Promise<void> => scheduler.step(label)
  await inject?.({ pipeline, moment, seed: scheduler.seed })
}

interface Drive {
  readonly scheduler: Scheduler
  readonly patienceMs: number | undefined
}

/** Drives a run until all of `work` is done; leaves nothing of it behind if that fails. */
async function drive(pipeline: Pipeline, work: Promise<unknown>, { scheduler, patienceMs = 0 }: Drive): Promise<void> {
  try {
    if (!(await scheduler.drive(work, { releases: ENDLESS, patienceMs })))
      throw new Error(`The run has not settled after ${ENDLESS} releases.`)
    await work
  } catch (error) {
    if (error instanceof StalledError) error.message += waitsOf(pipeline)
    void pipeline.doomsday(error)
    throw error
  } finally {
    // Calls that the run has given up.
    await scheduler.releaseAll()
  }
}

/** What waits in the edges of a run that is stuck. */
function waitsOf(pipeline: Pipeline): string {
  const { edges, state } = pipeline.snapshot()
  const full = edges.filter(({ depth }) => depth > 0)
  const listed = full.map(({ from, to, depth, capacity }) => `"${from}" to "${to}" ${depth} of ${capacity}`)
  return `; the run is ${state}${listed.length === 0 ? '' : `, with items on the way: ${listed.join(', ')}`}`
}

/** Every value that somebody accepted from a source has a verdict; and those that nobody wanted any more may have one. */
function missingVerdicts({ roots, nodes, edges }: RunReport): string[] {
  if (roots === undefined) return []
  const verdicts = Object.values(roots).reduce((sum, count) => sum + count, 0)
  const fed = new Set(edges.map(({ to }) => to))
  const entered = Object.entries(nodes)
    .filter(([name]) => !fed.has(name))
    .reduce((sum, [, { received, emitted }]) => sum + Math.max(received, emitted), 0)
  return verdicts >= entered ? [] : [`${entered} values entered at sources, and there are ${verdicts} verdicts`]
}

function complain(what: string, complaints: readonly string[]): void {
  if (complaints.length > 0) throw new Error(`${what}: ${complaints.join('; ')}.`)
}
