import { gate, randomOf } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { plumberOf, range, turns } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Inputs that are merged are served in turn (S3).
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/fan-in.test.ts
 */
stillClock()

const seeds = seedsOf(40, 400)
const ITEMS = 30

interface Item {
  readonly source: number
  readonly n: number
}

/** Merges some sources, all of which have something waiting before the first item is worked off; gives what was taken. */
async function merge(seed: number) {
  const random = randomOf(seed)
  const sources = range(random.integer(2, 6))
  const workers = random.integer(1, 4)
  const opened = gate()
  const taken: Item[] = []
  const sink = async (item: Item): Promise<void> => {
    taken.push(item)
    await opened.opened
    await turns(1)
  }
  const items = (source: number) => () => range(ITEMS).map((n) => ({ source, n }))
  const plumber = plumberOf(
    {
      ...Object.fromEntries(sources.map((source) => [`source${source}`, items(source)])),
      sink: { coro: sink, properties: { aggregateInputs: false, workers } },
    },
    Object.fromEntries(sources.map((source) => [`source${source}`, [{ to: 'sink', queueSize: random.integer(1, 8) }]])),
  )
  const pipeline = plumber.createPipeline()
  await turns(20)
  opened.open()
  expectBalancedBooks(await pipeline.settled, [])
  return { taken, count: sources.length, workers }
}

test('no input is served twice while another one waits', manySeeds, async () => {
  for (const seed of seeds)
    await withSeed(seed, async () => {
      const { taken, count, workers } = await merge(seed)
      // What the workers had in hand before was taken when not every source had given something.
      const served = taken.slice(workers).map(({ source }) => source)
      for (let place = 0; place + count <= (ITEMS - workers) * count; place++)
        expect([...new Set(served.slice(place, place + count))].toSorted(), `from ${place}`).toEqual(range(count))
    })
})

test('each input is served in order', manySeeds, async () => {
  for (const seed of seeds)
    await withSeed(seed, async () => {
      const { taken, count } = await merge(seed)
      for (const source of range(count))
        expect(taken.filter((item) => item.source === source).map(({ n }) => n)).toEqual(range(ITEMS))
    })
})
