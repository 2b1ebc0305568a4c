import type { Context } from '@pipelines/core'
import type { GraphDocument, PropertiesDocument } from '@pipelines/plumber'
import { type ExploreOptions, explore, gate, type RunSetup } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { range, same } from '../support/blackbox.js'

/*
 * Exploring nodes that are not called just once for each item: batches, attempts, timeouts, requests. The engine looks
 * around at the end of a turn of the event loop, to let incomplete batches go and to find out that nothing moves. That is
 * no choice of the scheduler, and must not multiply the schedules.
 */

/** `numbers` into `work`, which has these properties. */
const line = (properties: PropertiesDocument): GraphDocument => ({
  nodes: { numbers: { coro: 'std.inlet' }, work: { coro: 'work', properties } },
  graph: { numbers: ['work'] },
})

/** Tries every schedule, and asserts that these were all. */
async function schedulesOf(document: GraphDocument, options: ExploreOptions): Promise<number> {
  const { schedules, complete } = await explore(document, { schedules: 'all', ...options })
  expect(complete).toBe(true)
  return schedules
}

/** A coroutine for batches, and the sizes of those that it got. */
function doubling() {
  const sizes: number[] = []
  const work = async (batch: readonly number[]) => {
    sizes.push(batch.length)
    return batch.map((n) => 2 * n)
  }
  return { sizes, work }
}

/** Makes a coroutine for batches new for every run; `seen` gets the sizes of each run, as a text. */
function sizedBy(seen: Set<string>, values: readonly number[], more: RunSetup = {}): () => RunSetup {
  return () => {
    const { sizes, work } = doubling()
    const check: RunSetup['check'] = (run) => {
      seen.add(sizes.join(' '))
      expect(run.values).toEqual(values)
    }
    return { coroMap: { work, same }, check, ...more }
  }
}

test('results that wait for their turn, and items that wait for room, have no schedules of their own', async () => {
  const schedules = (properties: PropertiesDocument) =>
    schedulesOf(line({ workers: 2, ...properties }), { coroMap: { work: same }, input: [1, 2, 3] })
  expect(await schedules({ ordered: false })).toBe(4)
  // One less: the third call does not begin while the result of the second waits for the first.
  expect(await schedules({ ordered: true })).toBe(3)
  expect(await schedules({ ordered: true, queueSize: 1 })).toBe(3)
})

describe('batches', () => {
  test('are one call each, and have as many schedules as so many calls', async () => {
    const sizes = new Set<string>()
    const setup = sizedBy(sizes, [2, 4, 6, 8, 10])
    const schedules = (workers: number) =>
      schedulesOf(line({ workers, batch: { size: 2 } }), { setup, input: [1, 2, 3, 4, 5] })
    expect(await schedules(1)).toBe(1)
    expect(await schedules(2)).toBe(3)
    expect(await schedules(3)).toBe(6)
    expect([...sizes].toSorted()).toEqual(['1 2 2', '2 1 2', '2 2 1'])
  })

  test('go ahead when their time is up at any moment that it could', async () => {
    const sizes = new Set<string>()
    const document: GraphDocument = {
      nodes: {
        numbers: { coro: 'std.inlet' },
        same: { coro: 'same' },
        work: { coro: 'work', properties: { batch: { size: 2, maxWaitMs: 3_600_000 } } },
      },
      graph: { numbers: ['same'], same: ['work'] },
    }
    await schedulesOf(document, { setup: sizedBy(sizes, [2, 4, 6]), input: [1, 2, 3] })
    expect([...sizes].toSorted()).toEqual(['1 1 1', '1 2', '2 1'])
  })

  test('go ahead incomplete where a fork can let no more out', async () => {
    const batched = (size: number) => ({ coro: 'same', properties: { batch: { size } } })
    const document: GraphDocument = {
      nodes: { numbers: { coro: 'std.inlet' }, a: batched(16), b: batched(15), c: batched(14), join: { coro: 'same' } },
      graph: { numbers: ['a', 'join'], a: ['b'], b: ['c'], c: ['join'] },
    }
    const run = async (seed: number) => {
      const sizes: Record<string, number[]> = { a: [], b: [], c: [], join: [] }
      const noted = (value: readonly unknown[], { node }: Context) => {
        sizes[node]?.push(value.length)
        return value
      }
      const check: RunSetup['check'] = ({ values }) => expect(values).toEqual(range(250).map((n) => [n, n]))
      await explore(document, { coroMap: { same: noted }, input: range(250), seeds: [seed], check })
      return sizes
    }
    for (const seed of [1, 2, 3]) {
      const { a = [], b = [], c = [], ...others } = await run(seed)
      const early = [a, b, c].flatMap((sizes) => sizes.slice(0, -1).filter((size) => size < Math.max(...sizes)))
      expect(early.length, JSON.stringify({ a, b, c })).toBeGreaterThan(0)
      expect(await run(seed), 'the same seed again').toEqual({ a, b, c, ...others })
    }
  })
})

describe('requests', () => {
  /** What is asked for at once, or at any two moments; everything ends with the answers. */
  function asking(sizes: Set<string>, apart: boolean): () => RunSetup {
    return () => {
      const { opened, open } = gate()
      const input = async function* () {
        await opened
        yield* []
      }
      const inject: RunSetup['inject'] = async ({ pipeline, moment }) => {
        const ask = async (n: number) => {
          if (apart) await moment(`request ${n}`)
          return pipeline.process(n)
        }
        expect(await Promise.all([ask(1), ask(2)])).toEqual([2, 4])
        open()
      }
      return sizedBy(sizes, [], { input: input(), inject })()
    }
  }

  test('that come at once share a batch, which has one schedule', async () => {
    const sizes = new Set<string>()
    expect(await schedulesOf(line({ batch: { size: 5 } }), { setup: asking(sizes, false) })).toBe(1)
    expect([...sizes]).toEqual(['2'])
  })

  test('that come at any moment do not wait for each other', async () => {
    const sizes = new Set<string>()
    await schedulesOf(line({ batch: { size: 5 } }), { setup: asking(sizes, true) })
    expect([...sizes]).toEqual(['1 1'])
  })
})

describe('attempts', () => {
  const properties: PropertiesDocument = { workers: 2, retry: { attempts: 3, minDelayMs: 60_000 } }
  /** Fails as often as its item says, from 0 to 2. */
  const flaky = async (failures: number, { attempt }: Context) => {
    if (attempt <= failures) throw new Error(`attempt ${attempt}`)
    return `${failures} after ${attempt}`
  }

  test('are made again in every schedule, and change no result', async () => {
    const options: ExploreOptions = {
      coroMap: { work: flaky },
      input: [1, 0, 2],
      check: ({ values, report }) => {
        expect(values).toEqual(['1 after 2', '0 after 1', '2 after 3'])
        expect(report.nodes.work).toMatchObject({ completed: 3, retried: 3 })
      },
    }
    const schedules = await schedulesOf(line(properties), options)
    expect(schedules).toBeGreaterThan(3)
    expect(await schedulesOf(line(properties), options), 'whatever delays are drawn').toBe(schedules)
  })

  test('come after delays that are drawn from the seed', async () => {
    const delays = async () => {
      const found: number[] = []
      const check: RunSetup['check'] = ({ report }) => void found.push(report.durationMs)
      await explore(line(properties), { coroMap: { work: flaky }, input: [2, 2, 1], seeds: 10, check })
      return found
    }
    const found = await delays()
    expect(new Set(found).size).toBeGreaterThan(5)
    expect(await delays()).toEqual(found)
  })

  test('of batches are made for all members together', async () => {
    const together = async (batch: readonly number[], { attempt }: Context) => {
      if (attempt <= Math.max(...batch)) throw new Error(`attempt ${attempt}`)
      return batch
    }
    await schedulesOf(line({ ...properties, batch: { size: 2 } }), {
      coroMap: { work: together },
      input: [0, 1, 2, 0],
      check: ({ values, report }) => {
        expect(values).toEqual([0, 1, 2, 0])
        expect(report.nodes.work?.retried).toBe(3)
      },
    })
  })

  test('run out of time at any moment that they could', async () => {
    const outcomes = new Set<string>()
    await schedulesOf(line({ timeoutMs: 1_000, retry: { attempts: 2 }, onError: 'skip' }), {
      coroMap: { work: same },
      input: [1],
      check: ({ values, report }) =>
        void outcomes.add(
          `${values.length} given, ${report.nodes.work?.retried} tried again, ${report.errors[0]?.code}`,
        ),
    })
    expect([...outcomes].toSorted()).toEqual([
      '0 given, 1 tried again, PLB_NODE_TIMEOUT',
      '1 given, 0 tried again, undefined',
      '1 given, 1 tried again, undefined',
    ])
  })
})

test('a run that stands still fails as it does in real time', async () => {
  const document: GraphDocument = {
    nodes: {
      numbers: { coro: () => range(4) },
      stuck: { coro: () => new Promise(() => {}), properties: { timeoutMs: 1_000, onError: 'skip', queueSize: 1 } },
    },
    graph: { numbers: ['stuck'] },
  }
  const codes = new Set<unknown>()
  const { runs } = await explore(document, {
    outcomes: ['failed'],
    seeds: 10,
    check: ({ report }) => void codes.add(report.error?.code),
  })
  expect(runs).toBe(10)
  expect([...codes]).toEqual(['PLB_RUN_STALLED'])
})
