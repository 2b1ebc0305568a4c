import { gate, type Random, randomOf } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { edgeOf, nodeOf, type Pipeline, plumberOf, range, type Stage, settlesSoon, turns } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'

/*
 * How much a graph holds while its sinks are shut: all that its edges hold, and what its workers have in hand (S2).
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/backpressure.test.ts
 */
const seeds = seedsOf(60, 600)

interface Link {
  readonly capacity: number
  readonly workers: number
}

const sum = (links: readonly Link[]): number =>
  links.reduce((all, { capacity, workers }) => all + capacity + workers, 0)
const drawLink = (random: Random): Link => ({ capacity: random.integer(1, 16), workers: random.integer(1, 8) })
const nameOf = (place: number): string => `n${place}`

/** Nodes in a line, of which the last does not let anything through before its gate opens. */
function drawLine(random: Random) {
  const opened = gate()
  const links = range(random.integer(1, 6)).map(() => drawLink(random))
  const nodes: Record<string, Stage> = {}
  const graph: Record<string, readonly { to: string; queueSize: number }[]> = {}
  for (const [place, { capacity, workers }] of links.entries()) {
    const last = place === links.length - 1
    const properties = { fuse: false, workers, ordered: random.chance(0.5) }
    const late = random.chance(0.5)
    const pass = (value: unknown): unknown => (late ? Promise.resolve(value) : value)
    nodes[nameOf(place)] = { coro: last ? (value: unknown) => opened.opened.then(() => value) : pass, properties }
    graph[place === 0 ? 'in' : nameOf(place - 1)] = [{ to: nameOf(place), queueSize: capacity }]
  }
  return { opened, links, nodes, graph }
}

/** A source of numbers that counts how many it was asked for. */
function counting(end: number) {
  const state = { yielded: 0, source }
  function* source() {
    while (state.yielded < end) yield state.yielded++
  }
  return state
}

const unfused = (coro: unknown): Stage => ({ coro, properties: { fuse: false } }) as Stage

/** Waits until nothing moves any more. */
const standStill = (): Promise<void> => turns(20)

async function expectAllThrough(pipeline: Pipeline, outputs: readonly unknown[], items: number): Promise<void> {
  expectBalancedBooks(await pipeline.settled)
  expect(outputs.toSorted((a, b) => Number(a) - Number(b))).toEqual(range(items))
}

describe('with its sink shut, a line of nodes', manySeeds, () => {
  test('takes what its edges hold and its workers have in hand, and not one more', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const { opened, links, nodes, graph } = drawLine(randomOf(seed))
        const held = sum(links)
        const numbers = counting(held + 50)
        const outputs: unknown[] = []
        const plumber = plumberOf({ in: unfused(numbers.source), ...nodes }, graph)
        const pipeline = plumber.createPipeline({ onOutput: ({ value }) => void outputs.push(value) })
        await standStill()
        const snapshot = pipeline.snapshot()
        expect(nodeOf(snapshot, 'in').emitted).toBe(held)
        expect(numbers.yielded, 'one more is made, and waits').toBe(held + 1)
        for (const [place, { capacity, workers }] of links.entries()) {
          expect(nodeOf(snapshot, nameOf(place)).inProgress, `in hand of ${nameOf(place)}`).toBe(workers)
          const from = place === 0 ? 'in' : nameOf(place - 1)
          expect(edgeOf(snapshot, from, nameOf(place)).depth, `held before ${nameOf(place)}`).toBe(capacity)
        }
        opened.open()
        await expectAllThrough(pipeline, outputs, held + 50)
      })
  })

  test('accepts as many puts, and the next one waits', async () => {
    for (const seed of seeds)
      await withSeed(seed, async () => {
        const { opened, links, nodes, graph } = drawLine(randomOf(seed))
        const held = sum(links)
        const outputs: unknown[] = []
        const pipeline = plumberOf({ in: unfused('std.inlet'), ...nodes }, graph).createPipeline({
          onOutput: ({ value }) => void outputs.push(value),
        })
        let accepted = 0
        const puts = range(held + 5).map(async (n) => {
          await pipeline.put(n)
          accepted++
        })
        await standStill()
        expect(accepted).toBe(held)
        expect(nodeOf(pipeline.snapshot(), 'in')).toMatchObject({ received: held, emitted: held })
        opened.open()
        await Promise.all(puts)
        pipeline.end()
        await expectAllThrough(pipeline, outputs, held + 5)
      })
  })

  test('takes them one by one where each put is awaited', async () => {
    const { opened, links, nodes, graph } = drawLine(randomOf(1))
    const pipeline = plumberOf({ in: unfused('std.inlet'), ...nodes }, graph).createPipeline({})
    for (let n = 0; n < sum(links); n++) expect(await settlesSoon(pipeline.put(n))).toBe(true)
    const waiting = pipeline.put(-1)
    expect(await settlesSoon(waiting)).toBe(false)
    opened.open()
    await waiting
    expect((await pipeline.drain()).outcome).toBe('completed')
  })
})

describe('a fan-out to 64 successors that are shut', manySeeds, () => {
  /** 64 sinks of which each waits at the gate. */
  function drawFan(random: Random) {
    const opened = gate()
    const links = range(64).map(() => drawLink(random))
    const sink = (value: unknown) => opened.opened.then(() => value)
    const nodes = links.map(({ workers, capacity }, place) => {
      const properties = { fuse: false, workers, ordered: random.chance(0.5), queueSize: capacity }
      return [nameOf(place), { coro: sink, properties }] as const
    })
    const held = Math.min(...links.map(({ workers, capacity }) => workers + capacity))
    return { opened, links, held, nodes: Object.fromEntries(nodes), graph: { in: links.map((_, n) => nameOf(n)) } }
  }

  /** Every successor has what all accepted, and the next item too if it has room for it. */
  function expectOffered(pipeline: Pipeline, links: readonly Link[], held: number): void {
    const snapshot = pipeline.snapshot()
    expect(nodeOf(snapshot, 'in').emitted).toBe(held)
    for (const [place, { capacity, workers }] of links.entries())
      expect(edgeOf(snapshot, 'in', nameOf(place)).entered).toBe(Math.min(capacity + workers, held + 1))
  }

  test('takes what the fullest of them accepts, and offers the next item to the others', async () => {
    for (const seed of seeds.slice(0, 20))
      await withSeed(seed, async () => {
        const { opened, links, held, nodes, graph } = drawFan(randomOf(seed))
        const numbers = counting(60)
        const pipeline = plumberOf({ in: unfused(numbers.source), ...nodes }, graph).createPipeline({})
        await standStill()
        expect(numbers.yielded).toBe(held + 1)
        expectOffered(pipeline, links, held)
        opened.open()
        const report = await pipeline.settled
        expectBalancedBooks(report, [])
        for (const place of links.keys()) expect(nodeOf(report, nameOf(place)).emitted).toBe(60)
      })
  })

  test('accepts as many puts', async () => {
    for (const seed of seeds.slice(0, 20))
      await withSeed(seed, async () => {
        const { opened, links, held, nodes, graph } = drawFan(randomOf(seed))
        const pipeline = plumberOf({ in: unfused('std.inlet'), ...nodes }, graph).createPipeline({})
        let accepted = 0
        const puts = range(held + 3).map(async (n) => {
          await pipeline.put(n)
          accepted++
        })
        await standStill()
        expect(accepted).toBe(held)
        expectOffered(pipeline, links, held)
        opened.open()
        await Promise.all(puts)
        const report = await pipeline.drain()
        expectBalancedBooks(report, ['in'])
        for (const place of links.keys()) expect(nodeOf(report, nameOf(place)).emitted).toBe(held + 3)
      })
  })
})
