import { DROP } from '@pipelines/core'
import { type Random, randomOf, Scheduler } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { nodeOf, plumberOf, range } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * (original, reversed): the example of the first README, in which no word may ever meet the reverse of another one.
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/pairs.test.ts
 */
const seeds = seedsOf(200, 2_000)
const ITEMS = 40

stillClock()

type Reverse = (word: string) => unknown

const words = range(ITEMS).map((n) => `word-${n}`)
const reversed = (word: string): string => [...word].reverse().join('')
const isThird = (word: string): boolean => Number(word.slice(5)) % 3 === 0

/** Reverses words in an order of events drawn from the seed, and gives what arrived in pairs. */
async function pairUp(seed: number, ordered: boolean, reverse: Reverse) {
  const random = randomOf(seed)
  const scheduler = new Scheduler(seed)
  const pairs: unknown[] = []
  const plumber = plumberOf(
    {
      source: {
        coro: async function* () {
          for (const word of words) {
            await scheduler.step(`source ${word}`)
            yield word
          }
        },
        properties: drawProperties(random, {}),
      },
      rev: {
        coro: (word: string) => scheduler.after(`rev ${word}`, () => reverse(word)),
        properties: drawProperties(random, { workers: 8, ordered, onError: 'skip' }),
      },
      out: {
        coro: (pair: unknown) => scheduler.after(`out ${String(pair)}`, () => pair),
        properties: drawProperties(random, { workers: random.pick([1, 8]), ordered }),
      },
    },
    { source: [{ to: 'rev', queueSize: random.integer(1, 16) }, 'out'], rev: ['out'] },
  )
  const running = plumber.run(undefined, {
    onOutput: ({ value }) => {
      pairs.push(value)
    },
  })
  await scheduler.drive(running)
  const report = await running
  expectBalancedBooks(report, [])
  expect(report.outcome).toBe('completed')
  return { pairs, report }
}

function drawProperties(random: Random, fixed: object): object {
  return { queueSize: random.integer(1, 16), fuse: random.chance(0.5), ...fixed }
}

const numberOf = (pair: unknown): number => Number(String(pair).slice(5).split(',')[0])

/** The pairs of these words: in order where order was asked for. */
function expectPairs(pairs: readonly unknown[], expected: readonly string[], ordered: boolean): void {
  const given = ordered ? pairs : pairs.toSorted((a, b) => numberOf(a) - numberOf(b))
  expect(given).toEqual(expected.map((word) => [word, reversed(word)]))
}

for (const ordered of [true, false]) {
  const how = ordered ? 'in order' : 'in any order'
  const two = words.filter((word) => !isThird(word))

  test(`eight workers that reverse words ${how} never mix up a pair`, manySeeds, async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const { pairs, report } = await pairUp(seed, ordered, reversed)
        expectPairs(pairs, words, ordered)
        expect(nodeOf(report, 'out')).toMatchObject({ received: 2 * ITEMS, completed: 2 * ITEMS, emitted: ITEMS })
      })
  })

  test(`words that are dropped ${how} are missing, and shift nothing`, manySeeds, async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const { pairs, report } = await pairUp(seed, ordered, (word) => (isThird(word) ? DROP : reversed(word)))
        expectPairs(pairs, two, ordered)
        const dropped = ITEMS - two.length
        expect(nodeOf(report, 'rev')).toMatchObject({ received: ITEMS, completed: ITEMS, dropped, failed: 0 })
        expect(nodeOf(report, 'out')).toMatchObject({ received: ITEMS + two.length, emitted: two.length })
      })
  })

  test(`words that fail ${how} are missing, and shift nothing`, manySeeds, async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const { pairs, report } = await pairUp(seed, ordered, (word) => {
          if (isThird(word)) throw new Error(word)
          return reversed(word)
        })
        expectPairs(pairs, two, ordered)
        const failed = ITEMS - two.length
        expect(nodeOf(report, 'rev')).toMatchObject({ received: ITEMS, completed: two.length, dropped: 0, failed })
        expect(nodeOf(report, 'out')).toMatchObject({ received: ITEMS + two.length, emitted: two.length })
        expect(report.errors).toHaveLength(failed)
      })
  })
}
