import { type Context, defineCoro } from '@pipelines/core'
import { type Random, randomOf, Scheduler } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { chain, outputs, range, type Stage, unfused } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Chains of all kinds of coroutines, with as many packets in flight, workers and outputs of an input as a seed says.
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/packets-in-flight-random.test.ts
 */
stillClock()

const ITEMS = 12
const MOST_WORKERS = 3

/** What a stage does when it gives an output, at other moments, and when it is done with an input. */
interface Steps {
  readonly makes: () => void
  readonly works: (n: number) => Promise<void> | undefined
  readonly done: () => void
  /** How many outputs it gives for an input. */
  readonly copies: (n: number) => number
}

type Inputs = AsyncIterable<number>

const KINDS: Readonly<Record<string, (steps: Steps) => object>> = {
  // The place is there before the call, and so for one output at most.
  map:
    ({ makes, works, done }) =>
    async (n: number) => {
      makes()
      await works(n)
      done()
      return n
    },
  generator: ({ makes, works, done, copies }) =>
    async function* (n: number) {
      for (let left = copies(n); left > 0; left--) {
        await works(n)
        makes()
        yield n
      }
      done()
    },
  stream: ({ makes, works, done, copies }) =>
    defineCoro({
      kind: 'stream',
      run: async function* (inputs: Inputs) {
        for await (const n of inputs) {
          for (let left = copies(n); left > 0; left--) {
            makes()
            await works(n)
            yield n
          }
          done()
        }
      },
    }),
  emitting: ({ makes, works, done }) =>
    defineCoro({
      kind: 'stream',
      run: async (inputs: Inputs, ctx: Context) => {
        for await (const n of inputs) {
          makes()
          await works(n)
          ctx.emit('out', n)
          done()
        }
      },
    }),
}

/** What a stage of a kind may have in hand beyond its places: only a generator that is called per item has anything. */
const beyond = (kind: string): number => (kind === 'generator' ? MOST_WORKERS : 0)
const ONE_EACH = ['map', 'emitting']

/** A random chain: what it is made of, what has to come of it, and counts that fail where too much is in flight. */
function randomChain(random: Random, scheduler: Scheduler) {
  const kinds = range(random.integer(1, 4)).map(() => random.pick(Object.keys(KINDS)))
  const names = ['src', ...kinds.map((kind, place) => `${kind}${place}`)]
  const limits = names.map(() => random.integer(1, 4))
  const salts = names.map(() => random.integer(0, 2))
  /** By place in the chain: outputs that are made or being made, and inputs that are done with. */
  const made = names.map(() => 0)
  const done = names.map(() => 0)
  const up = (counts: number[], place: number): number => (counts[place] = (counts[place] ?? 0) + 1)
  const makes = (place: number, kind: string): void => {
    const most = (limits[place] ?? 0) + beyond(kind)
    const inFlight = up(made, place) - (done[place + 1] ?? Number.POSITIVE_INFINITY)
    expect(inFlight, `in flight behind ${names[place]}`).toBeLessThanOrEqual(most)
  }
  const copiesAt = (place: number, n: number): number =>
    ONE_EACH.includes(kinds[place - 1] ?? '') ? 1 : (n + (salts[place] ?? 0)) % 3
  function* source() {
    for (const n of range(ITEMS)) {
      makes(0, 'source')
      yield n
    }
  }
  const stage = (kind: string, place: number): Stage => {
    const coro = KINDS[kind]?.({
      makes: () => makes(place, kind),
      works: (n) => scheduler.step(`${names[place]} ${n}`),
      done: () => void up(done, place),
      copies: (n) => copiesAt(place, n),
    })
    const workers = random.integer(1, MOST_WORKERS)
    const properties = { workers, ordered: random.chance(0.6), queueSize: random.integer(1, 5) }
    return unfused(coro ?? {}, { ...properties, packetsInFlight: limits[place] })
  }
  const stages = kinds.map((kind, at) => [names[at + 1], stage(kind, at + 1)] as const)
  const expected = range(ITEMS).flatMap((n) => {
    const copies = kinds.reduce((all, _, at) => all * copiesAt(at + 1, n), 1)
    return range(copies).map(() => n)
  })
  const first = unfused(source, { packetsInFlight: limits[0] })
  return { names, expected, plumber: chain({ src: first, ...Object.fromEntries(stages) }) }
}

test('no chain ever has more in flight than it may, and all comes through', manySeeds, async () => {
  for (const seed of seedsOf(60, 2_000))
    await withSeed(seed, async () => {
      const [random, scheduler] = [randomOf(seed), new Scheduler(seed)]
      const restore = scheduler.install()
      try {
        const { names, expected, plumber } = randomChain(random, scheduler)
        const given = outputs()
        const pipeline = plumber.createPipeline(given.options)
        const changed = (async () => {
          await scheduler.step('other workers')
          if (pipeline.snapshot().state !== 'settled')
            pipeline.setWorkers(random.pick(names.slice(1)), random.integer(1, MOST_WORKERS))
        })()
        const over = Promise.all([pipeline.settled, changed])
        await scheduler.drive(over)
        const [report] = await over
        expect(report.outcome).toBe('completed')
        expectBalancedBooks(report, [])
        expect(given.values.toSorted((a, b) => Number(a) - Number(b))).toEqual(expected)
      } finally {
        restore()
      }
    })
})
