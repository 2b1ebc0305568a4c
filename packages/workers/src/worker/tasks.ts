import type { Alone, Particulars, ToWorker } from '../messages.js'

/** A call as it waits to be made. */
export type Task =
  | {
      readonly what: 'item'
      readonly value: unknown
      readonly index: number
      readonly particulars: Particulars | undefined
    }
  | Alone

/** How many that were taken are kept at most. */
const MOST_TAKEN = 64

/** The calls that are to be made, in their order, which is that of their numbers. */
export class Tasks {
  /** The number of the present call, or of the next one. */
  number = 0
  #tasks: Task[] = []
  #next = 0
  /** Calls before this number that have not begun are not to be made; and others. */
  #skipBefore = 0
  readonly #skips = new Set<number>()

  add(task: Task): void {
    this.#tasks.push(task)
  }

  addCalls({ values, indexes, particulars = [] }: Omit<Extract<ToWorker, { type: 'calls' }>, 'active'>): void {
    let next = 0
    values.forEach((value, place) => {
      const own = particulars[next]?.[0] === place ? particulars[next++]?.[1] : undefined
      this.#tasks.push({ what: 'item', value, index: indexes[place] ?? 0, particulars: own })
    })
  }

  /** The next one; the one before is over when the caller has counted it. */
  take(): Task | undefined {
    // Those that were taken are not kept, also where there is always another one.
    if (this.#next >= MOST_TAKEN) {
      this.#tasks.splice(0, this.#next)
      this.#next = 0
    }
    const task = this.#tasks[this.#next]
    if (task !== undefined) {
      this.#next++
      return task
    }
    this.#tasks = []
    this.#next = 0
    return undefined
  }

  /** Whether the call that was taken is not to be made. */
  get skips(): boolean {
    return this.#skips.delete(this.number) || this.number < this.#skipBefore
  }

  /** Nothing of a call, or of all of them, is wanted: what has not begun is not made. `present`: whether one has. */
  abort(call: number | undefined, present: boolean): void {
    if (call === undefined) this.#skipBefore = this.number + this.#tasks.length - this.#next + (present ? 1 : 0)
    else if (call > this.number) this.#skips.add(call)
  }
}
