import type { GraphDocument } from '@pipelines/plumber'
import { everySchedule, playNamed } from './every-schedule.js'
import { type Prepared, prepared, type RunSetup, runOnce } from './explored-run.js'
import { Scheduler, type SchedulerOptions } from './scheduler.js'

export interface ExploreOptions extends RunSetup, SchedulerOptions {
  /**
   * Makes what must be new for every run: coroutines that keep a state, inputs that can be read only once. What it gives
   * is laid over the other options.
   */
  readonly setup?: (seed: number) => RunSetup
  /** How many seeds, counted from 1, or which: at least one. @defaultValue 100 */
  readonly seeds?: number | readonly number[]
  /** `'all'`: every order in which calls can be let go one after the other, in place of seeds. */
  readonly schedules?: 'all'
  /** One schedule, to replay a failure. */
  readonly schedule?: readonly number[]
  /** Most schedules that are tried. @defaultValue 10000 */
  readonly most?: number
}

/** What an exploration has come to. */
export interface Exploration {
  readonly runs: number
  /** How many different orders of events there were. */
  readonly schedules: number
  /**
   * Whether these were all orders in which calls can be let go one after the other. Two calls that take turns in the
   * middle of their microtasks are not among them: seeds try that too.
   */
  readonly complete: boolean
}

const SEEDS = 100

/**
 * Runs a graph again and again, each time in another order of events, and checks every run. Each call of a coroutine
 * waits before it starts until the scheduler lets it go, so that calls overtake each other as far as `workers` allows;
 * time is virtual (see `Scheduler.install`). Whatever executors the graph names, everything runs on this event loop.
 *
 * After each run: it has settled, its outcome is one of `outcomes`, its books balance, what entered has verdicts, no
 * timer, handle or listener is left, and then `check` has its say.
 *
 * @throws (rejects) an Error for the first run that fails. Its message has the seed or the schedule, and how to have
 * that run again; its `cause` is what was wrong: a `StalledError`, the error of the run, or what `check` threw
 *
 * @example
 * await explore(document, { coroMap, input: [1, 2, 3], check: ({ values }) => assert.deepEqual(values, [2, 4, 6]) })
 */
export async function explore(document: GraphDocument | string, options: ExploreOptions = {}): Promise<Exploration> {
  const { seeds = SEEDS, schedules, schedule, most, setup, synchronous, wakeUps, ...common } = options
  if (schedules !== undefined && schedules !== 'all')
    throw new TypeError(`explore() knows "schedules": "all", not ${JSON.stringify(schedules)}.`)
  const list = typeof seeds === 'number' ? Array.from({ length: seeds }, (_, place) => place + 1) : seeds
  if (!Array.isArray(list) || list.length === 0 || !list.every(Number.isInteger))
    throw new TypeError('"seeds" of explore() must be a number of seeds from 1, or a list of whole numbers.')
  if (options.seeds !== undefined && (schedules !== undefined || schedule !== undefined))
    throw new TypeError('Give explore() either "seeds" or schedules, not both.')
  const pace = { ...(synchronous !== undefined && { synchronous }), ...(wakeUps !== undefined && { wakeUps }) }
  const orders = new Set<string>()
  let [runs, scheduler] = [0, new Scheduler(0)]
  const prepare = (run: RunSetup): Promise<Prepared> => prepared(document, run, () => scheduler)
  const forAll = setup === undefined ? await prepare(common) : undefined
  const play = async (next: Scheduler): Promise<void> => {
    scheduler = next
    runs++
    await runOnce(forAll ?? (await prepare({ ...common, ...setup?.(next.seed) })), next)
    orders.add(next.order.join('\n'))
  }
  if (schedules !== undefined || schedule !== undefined) {
    const search = { ...pace, ...(most !== undefined && { most }), ...(schedule !== undefined && { schedule }) }
    const searched = await everySchedule(play, search)
    return { runs, ...searched }
  }
  for (const seed of list) await playNamed(new Scheduler(seed, pace), play)
  return { runs, schedules: orders.size, complete: false }
}
