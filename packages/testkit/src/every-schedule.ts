import { Schedule } from './choices.js'
import { Scheduler, type SchedulerOptions } from './scheduler.js'

export interface EveryScheduleOptions extends SchedulerOptions {
  /** Most schedules that are tried. @defaultValue 10000 */
  readonly most?: number
  /** Only this one, to replay a failure. */
  readonly schedule?: readonly number[]
}

/** What a search has come to. */
export interface Searched {
  /** How many schedules were tried. */
  readonly schedules: number
  /** Whether these were all. */
  readonly complete: boolean
}

const MOST = 10_000

/**
 * Runs `play` once for every order in which its calls can be let go one after the other: depth-first, each run repeating the decisions of the one
 * before up to the last that can still be made in another way. What `play` does must depend on the scheduler alone, and
 * be new for every run.
 *
 * Unless asked for, every call waits (`synchronous: 0`) and no wake-up is late (`wakeUps: 0`).
 *
 * @throws (rejects) an Error for the first run that fails: its message has the schedule, its `cause` is what was thrown
 *
 * @example
 * await everySchedule(async (scheduler) => {
 *   const counter = makeCounter((step) => scheduler.step(step))
 *   const work = Promise.all([counter.add(1), counter.add(1)])
 *   await scheduler.drive(work)
 *   assert.equal(counter.value, 2)
 * })
 */
export async function everySchedule(
  play: (scheduler: Scheduler) => unknown,
  { most = MOST, schedule, ...options }: EveryScheduleOptions = {},
): Promise<Searched> {
  let schedules = 0
  let before: Schedule | undefined
  let next: Schedule | undefined = new Schedule(schedule)
  while (next !== undefined && schedules < most) {
    const choices: Schedule = next
    await playNamed(new Scheduler(choices, { synchronous: 0, wakeUps: 0, ...options }), play)
    if (before !== undefined && !choices.follows(before))
      throw new Error(`The work is not the same in every run: it went another way before ${choices.name} differs.`)
    schedules++
    before = choices
    next = schedule === undefined ? choices.next() : undefined
  }
  return { schedules, complete: schedule === undefined && next === undefined }
}

/** Labels of the last releases that a message has. */
const LAST = 20

/** Runs `play`; what it throws is the cause of an Error that says how to have the same run again. */
export async function playNamed(scheduler: Scheduler, play: (scheduler: Scheduler) => unknown): Promise<void> {
  try {
    await play(scheduler)
  } catch (error) {
    const { choices, order } = scheduler
    const what = error instanceof Error ? error.message : String(error)
    const labels = order.length > LAST ? ['…', ...order.slice(-LAST)] : order
    const lines = [
      `With ${choices.name}: ${what}`,
      `Replay it with ${choices.replay}.`,
      `What went on, in this order: ${labels.join(', ') || 'nothing'}.`,
    ]
    throw new Error(lines.join('\n'), { cause: error })
  }
}
