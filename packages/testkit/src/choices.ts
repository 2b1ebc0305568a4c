import { hashOf, seeded } from './random.js'

/** Where a scheduler takes its decisions from. */
export interface Choices {
  /** What a run draws besides is drawn from this. */
  readonly seed: number
  /** Decides between so many ways to go on: a whole number from 0 up to, not including, `count`. */
  choose(count: number): number
  /** Decides by how many microtask turns a wake-up is late: a whole number from 0 to `most`. */
  delay(most: number): number
  /** Decides whether the engine lets the event loop go round between two items. */
  breathes(): boolean
  /** What these decisions are called in messages: `seed 17`. */
  readonly name: string
  /** How to have the same decisions again: `seeds: [17]`. */
  readonly replay: string
}

/** Once in so many times that it is asked, a seed lets the event loop go round. */
const BREATHS = 8

/** Decisions drawn from a seed. */
export function seededChoices(seed: number): Choices {
  const [next, nextDelay] = [seeded(seed), seeded(hashOf(`delays of ${seed}`))]
  return {
    seed,
    choose: (count) => Math.floor(next() * count),
    delay: (most) => Math.floor(nextDelay() * (most + 1)),
    breathes: () => nextDelay() * BREATHS < 1,
    name: `seed ${seed}`,
    replay: `seeds: [${seed}]`,
  }
}

/**
 * Decisions that are given: a number for each decision where there is more than one way to go on. Behind the last of
 * them, always the first way.
 */
export class Schedule implements Choices {
  readonly seed = 0
  /** The decisions so far. */
  readonly taken: number[] = []
  /** Between how many ways each of them was. */
  readonly counts: number[] = []
  readonly #given: readonly number[]

  constructor(given: readonly number[] = []) {
    this.#given = given
  }

  get name(): string {
    return `schedule [${this.taken.join(', ')}]`
  }

  get replay(): string {
    return `schedule: [${this.taken.join(', ')}]`
  }

  /** @throws an Error where there is no such way: the work is not the one that the schedule was made for */
  choose(count: number): number {
    if (count < 2) return 0
    const way = this.#given[this.taken.length] ?? 0
    if (way >= count)
      throw new Error(
        `The schedule does not fit: decision ${this.taken.length} is ${way}, but there are ${count} ways to go on. Does the work depend on anything but the schedule?`,
      )
    this.taken.push(way)
    this.counts.push(count)
    return way
  }

  delay(most: number): number {
    return this.choose(most + 1)
  }

  breathes(): boolean {
    return false
  }

  /** The schedule that a depth-first search tries after this one; `undefined` when all were tried. */
  next(): Schedule | undefined {
    const place = this.taken.findLastIndex((way, place) => way + 1 < (this.counts[place] ?? 0))
    if (place < 0) return undefined
    return new Schedule([...this.taken.slice(0, place), (this.taken[place] ?? 0) + 1])
  }

  /** Whether this run had the same ways to go on as `before`, up to the decision in which the two differ. */
  follows(before: Schedule): boolean {
    return this.#given.every((_, place) => this.counts[place] === before.counts[place])
  }
}
