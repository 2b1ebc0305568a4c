import { DROP } from '@pipelines/core'
import { type Flow, flow } from '@pipelines/flow'
import { type Random, randomOf } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { all, byText } from './flow-support.js'

/** A stage, and what it does to a list. */
interface Step {
  readonly add: (flow: Flow<number>) => Flow<number>
  readonly model: (list: readonly number[]) => number[]
}

const repeated = (n: number): number[] => Array.from({ length: Math.abs(n) % 3 }, () => n)
const total = (list: readonly number[]): number => list.reduce((sum, n) => sum + n, 0)

/** Lists of so many, each beginning so much further on. */
function slices(list: readonly number[], size: number, step: number): number[][] {
  return Array.from({ length: Math.ceil(list.length / step) }, (_, n) => list.slice(n * step, n * step + size))
}

/** A function that answers at once, or late. */
const late = (random: Random, fn: (n: number) => unknown): ((n: number) => unknown) =>
  random.chance(0.5) ? fn : async (n) => (n % 2 === 0 ? fn(n) : Promise.resolve().then(() => fn(n)))

/** Options that change nothing of what comes out. */
function harmless(random: Random): object {
  return {
    ...(random.chance(0.5) && { workers: random.integer(0, 3) }),
    ...(random.chance(0.5) && { queueSize: random.integer(1, 4) }),
    ...(random.chance(0.3) && { fuse: false }),
  }
}

const hooks = (random: Random): object => (random.chance(0.3) ? { onStart: () => 1, onDone: () => {} } : {})

/** All kinds of steps, each made with some numbers. */
const kinds: readonly ((random: Random) => Step)[] = [
  (random) => {
    const fn = late(random, (n) => n * 2 + 1) as (n: number) => number
    const options = { ...harmless(random), ...hooks(random), workers: random.integer(1, 3) }
    return { add: (from) => from.map(fn, options), model: (list) => list.map((n) => n * 2 + 1) }
  },
  (random) => {
    const fn = late(random, (n) => (n % 3 === 0 ? DROP : n)) as (n: number) => number
    return { add: (from) => from.map(fn, harmless(random)), model: (list) => list.filter((n) => n % 3 !== 0) }
  },
  (random) => {
    const fn = late(random, (n) => n % 2)
    const options = { ...harmless(random), ...hooks(random), workers: random.integer(1, 3) }
    return { add: (from) => from.filter(fn, options), model: (list) => list.filter((n) => n % 2) }
  },
  (random) => {
    const fn = late(random, repeated) as (n: number) => number[]
    return { add: (from) => from.flatMap(fn, harmless(random)), model: (list) => list.flatMap(repeated) }
  },
  (random) => ({
    add: (from) =>
      from.tee(
        late(random, () => 0),
        harmless(random),
      ),
    model: (list) => [...list],
  }),
  (random) => {
    const size = random.integer(1, 4)
    return { add: (from) => from.batch(size).map(total), model: (list) => slices(list, size, size).map(total) }
  },
  (random) => {
    const [size, step] = [random.integer(1, 4), random.integer(1, 4)]
    return {
      add: (from) => from.window(size, { step }).map(total),
      model: (list) =>
        slices(list, size, step)
          .filter(({ length }) => length === size)
          .map(total),
    }
  },
  (random) => {
    const count = random.integer(0, 12)
    return { add: (from) => from.take(count), model: (list) => list.slice(0, count) }
  },
  (random) => {
    const count = random.integer(0, 4)
    return { add: (from) => from.skip(count), model: (list) => list.slice(count) }
  },
  () => ({ add: (from) => from.distinct(), model: (list) => [...new Set(list)] }),
  () => ({ add: (from) => from.pipe(flow<number>().map((n) => n - 1)), model: (list) => list.map((n) => n - 1) }),
  () => ({ add: (from) => from.ordered(), model: (list) => [...list] }),
]

const lists = (random: Random): number[] => Array.from({ length: random.integer(0, 20) }, () => random.integer(-9, 9))

test.each(seedsOf(40, 2_000))('any stages give what the same steps make of a list (seed %i)', manySeeds, (seed) =>
  withSeed(seed, async () => {
    const random = randomOf(seed)
    const list = lists(random)
    const steps = Array.from({ length: random.integer(1, 7) }, () => random.pick(kinds)(random))
    const described = steps.reduce((from, { add }) => add(from), flow(list))
    const expected = steps.reduce((given, { model }) => model(given), list)
    expect(await described.toArray()).toEqual(expected)
    expect(await byText(described)).toEqual(expected)
    expect(await all(described.toIterable({ maxSize: random.integer(1, 3) }))).toEqual(expected)
  }),
)
