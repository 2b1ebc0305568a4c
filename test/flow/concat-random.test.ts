import { concat, type Flow, flow } from '@pipelines/flow'
import { type Random, randomOf } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { compareIndex } from '../../packages/flow/src/element-index.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { all } from './flow-support.js'

/** A flow, with or without a source, and what comes out of it, in any order. */
interface Known {
  readonly flow: Flow<number, number>
  readonly items: readonly number[]
}

/** A function at one stage, and how often it is called where the stage runs. */
interface Counted {
  calls: number
  readonly expected: number
}

/** Flows that share stages with one another, and come together again. */
class Web {
  readonly known: Known[]
  readonly counted: Counted[] = []
  readonly #random: Random

  constructor(random: Random, begun: Flow<number, number>, items: readonly number[]) {
    this.#random = random
    this.known = [{ flow: begun, items }]
  }

  grow(): void {
    const { flow: from, items } = this.#pick()
    const kind = this.#random.integer(0, 4)
    if (kind === 0)
      this.#add(
        from.map(this.#count(items, (n) => n + 1)),
        items.map((n) => n + 1),
      )
    if (kind === 1) this.#add(from.filter(this.#count(items, (n) => n % 2)), items.filter((n) => n % 2)) // biome-ignore format: a line per kind
    if (kind === 2)
      this.#add(
        from.flatMap((n) => [n, n + 100]),
        items.flatMap((n) => [n, n + 100]),
      )
    if (kind === 3)
      this.#add(
        from.pipe(flow<number>().map(this.#count(items, (n) => n * 2))),
        items.map((n) => n * 2),
      )
    if (kind === 4) {
      const parts = Array.from({ length: this.#random.integer(1, 3) }, () => this.#pick())
      this.#add(
        concat(parts.map((part) => part.flow)),
        parts.flatMap((part) => part.items),
      )
    }
  }

  #pick(): Known {
    return this.#random.pick(this.known)
  }

  #add(added: Flow<number, number>, items: readonly number[]): void {
    this.known.push({ flow: added, items })
  }

  #count(items: readonly number[], fn: (n: number) => number): (n: number) => number {
    const counted = { calls: 0, expected: items.length }
    this.counted.push(counted)
    return (n) => {
      counted.calls++
      return fn(n)
    }
  }
}

const sorted = (items: readonly number[]): number[] => items.toSorted((a, b) => a - b)

function webOf(random: Random, begun: Flow<number, number>, items: readonly number[]): Web {
  const web = new Web(random, begun, items)
  for (let step = random.integer(1, 9); step > 0; step--) web.grow()
  return web
}

test.each(seedsOf(40, 2_000))(
  'flows that share stages give all items, and no stage runs twice (seed %i)',
  manySeeds,
  (seed) =>
    withSeed(seed, async () => {
      const random = randomOf(seed)
      const list = Array.from({ length: random.integer(0, 9) }, (_, n) => n)
      const isOpen = random.chance(0.5)
      const begun = isOpen ? flow<number>() : (flow(list) as unknown as Flow<number, number>)
      const web = webOf(random, begun, list)
      const { flow: end, items } = random.pick(web.known.slice(-3))
      const places = await all(
        end.ordered().toIterable({ returnIndex: true }, ...((isOpen ? [list] : []) as [number[]])),
      )
      expect(sorted(places.map(({ value }) => value))).toEqual(sorted(items))
      for (const { calls, expected } of web.counted) expect([0, expected]).toContain(calls)
      const indexes = places.map(({ index }) => index)
      expect(indexes).toEqual(indexes.toSorted(compareIndex))
    }),
)
