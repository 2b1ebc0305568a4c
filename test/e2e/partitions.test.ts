import { type Context, DROP, defineCoro } from '@pipelines/core'
import { Plumber } from '@pipelines/plumber'
import { gate, randomOf, Scheduler } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  detailOf,
  failureOf,
  from,
  nodeOf,
  outputs,
  problemsOf,
  range,
  reportOf,
  same,
  settlesSoon,
  turns,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { LEDGER, NONE, rootsOf } from '../support/ledger.js'
import { manySeeds, seedsOf, withSeed } from '../support/seeds.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Nodes with `partitionBy`: of each key at most one item is in progress, and items of a key stay in order.
 * Replay a seed with: SEED=123 npx vitest run --project e2e test/e2e/partitions.test.ts
 */
stillClock()

type Key = (value: never, context: Context) => unknown

/** The first letter of an item such as `a1`. */
const letter = (item: string): string => item.slice(0, 1)

/** Items of each key, in their order. */
function byKey(items: readonly unknown[]): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>()
  for (const item of items.toSorted((a, b) => letter(String(a)).localeCompare(letter(String(b))))) {
    const key = letter(String(item))
    found.set(key, [...(found.get(key) ?? []), item])
  }
  return found
}

interface Parts {
  readonly src?: object | string
  readonly key?: Key | object
  readonly work: object
  readonly properties?: object
  readonly queueSize?: number
}

/** A source, a node that is partitioned, and a leaf. */
function partitioned({ src = 'std.inlet', key = letter, work, properties, queueSize }: Parts): Plumber {
  const size = queueSize === undefined ? {} : { queueSize }
  return new Plumber(
    {
      nodes: {
        src: { coro: src as never },
        work: { coro: work as never, properties: { fuse: false, partitionBy: 'key', ...size, ...properties } as never },
        out: { coro: same as never, properties: { fuse: false } },
      },
      graph: { src: ['work'], work: ['out'] },
    },
    { coroMap: { key } as never },
  )
}

/** Calls that wait until they are let go, one by one. */
function held() {
  const started: string[] = []
  const gates = new Map<string, ReturnType<typeof gate>>()
  const gateOf = (item: string) => {
    const found = gates.get(item) ?? gate()
    gates.set(item, found)
    return found
  }
  const coro = async (item: string) => {
    started.push(item)
    await gateOf(item).opened
    return item
  }
  const free = async (...items: readonly string[]) => {
    for (const item of items) {
      gateOf(item).open()
      await turns()
    }
  }
  return { started, coro, free }
}

/** A standing pipeline with items put into it. */
async function standing(items: readonly string[], properties: object, options: object = {}) {
  const { started, coro, free } = held()
  const given = outputs()
  const pipeline = partitioned({ work: coro, properties }).createPipeline({ ...given.options, ...options })
  let accepted = 0
  const puts = items.map((item) => pipeline.put(item).then(() => accepted++))
  for (const put of puts) put.catch(() => {})
  await turns()
  return { started, free, values: given.values, pipeline, puts, accepted: () => accepted }
}

const UNORDERED = { workers: 4, ordered: false }

describe('partitionBy', () => {
  test('has one item of each key in progress, and the next one when that is done', async () => {
    const { started, free, pipeline } = await standing(['a1', 'a2', 'b1', 'b2', 'a3'], UNORDERED)
    expect(started).toEqual(['a1', 'b1'])
    await free('b1')
    expect(started).toEqual(['a1', 'b1', 'b2'])
    await free('a1')
    expect(started).toEqual(['a1', 'b1', 'b2', 'a2'])
    await free('a2', 'b2', 'a3')
    expectBalancedBooks(await pipeline.drain(), ['src'])
  })

  test('lets items of other keys overtake, where no order is asked for', async () => {
    const { free, values, pipeline } = await standing(['a1', 'a2', 'b1', 'c1', 'b2'], UNORDERED)
    await free('b1', 'c1', 'b2')
    expect(values).toEqual(['b1', 'c1', 'b2'])
    await free('a1', 'a2')
    expect(values).toEqual(['b1', 'c1', 'b2', 'a1', 'a2'])
    await pipeline.drain()
  })

  test('lets results leave in the order of the input, where that is asked for', async () => {
    const { started, free, values, pipeline } = await standing(['a1', 'b1', 'c1', 'a2'], { workers: 4 })
    expect(started).toEqual(['a1', 'b1', 'c1'])
    await free('c1', 'b1')
    expect(values).toEqual([])
    await free('a1', 'a2')
    expect(values).toEqual(['a1', 'b1', 'c1', 'a2'])
    expectBalancedBooks(await pipeline.drain(), ['src'])
  })

  test('begins items in that order too: none could leave before one that waits for its key', async () => {
    const { started, free, values, pipeline } = await standing(['a1', 'a2', 'b1'], { workers: 2 })
    expect(started).toEqual(['a1'])
    await free('a1')
    expect(started).toEqual(['a1', 'a2', 'b1'])
    await free('b1')
    expect(values).toEqual(['a1'])
    await free('a2')
    expect(values).toEqual(['a1', 'a2', 'b1'])
    expectBalancedBooks(await pipeline.drain(), ['src'])
  })

  test('keeps items of one key in order also where one gives many outputs, or none', async () => {
    const work = async function* (n: number) {
      for (const place of range(n % 4)) {
        await turns(1)
        yield `${n}.${place}`
      }
    }
    const given = outputs()
    const key = (n: number) => n % 3
    const plumber = partitioned({ src: from(...range(30)), key, work, properties: UNORDERED })
    expectBalancedBooks(await plumber.run(undefined, given.options), [])
    for (const residue of range(3)) {
      const expected = range(30)
        .filter((n) => n % 3 === residue)
        .flatMap((n) => range(n % 4).map((place) => `${n}.${place}`))
      expect(given.values.filter((value) => Number.parseInt(String(value), 10) % 3 === residue)).toEqual(expected)
    }
  })

  test('with a single worker is a line like any other', async () => {
    const plumber = partitioned({ src: from('a1', 'b1', 'a2', 'c1'), work: same })
    expect(await plumber.collect()).toEqual(['a1', 'b1', 'a2', 'c1'])
  })

  test('works off one key alone, one item at a time, whatever number of workers there are', async () => {
    for (const ordered of [true, false]) {
      let [running, most] = [0, 0]
      const work = async (item: string) => {
        most = Math.max(most, ++running)
        await turns(1)
        running--
        return item
      }
      const items = range(40).map((n) => `a${n}`)
      const plumber = partitioned({ src: from(...items), work, properties: { workers: 8, ordered }, queueSize: 3 })
      expect(await plumber.collect()).toEqual(items)
      expect(most).toBe(1)
    }
  })

  test('in any order of events: one per key, each key in order, nothing lost', manySeeds, async () => {
    let overtaken = 0
    for (const seed of seedsOf(80, 800))
      await withSeed(seed, async () => {
        const random = randomOf(seed)
        const scheduler = new Scheduler(seed)
        const restore = scheduler.install()
        try {
          const keys = random.integer(1, 5)
          const items = range(random.integer(1, 30)).map((n) => `${'abcde'[random.integer(0, keys - 1)]}${n}`)
          const properties = { workers: random.integer(1, 5), ordered: random.chance(0.4), onError: 'skip' }
          const running = new Set<string>()
          const begun: string[] = []
          const work = async (item: string) => {
            expect(running.has(letter(item)), `two of ${letter(item)}`).toBe(false)
            running.add(letter(item))
            expect(running.size).toBeLessThanOrEqual(properties.workers)
            begun.push(item)
            await scheduler.step(item)
            running.delete(letter(item))
            if (Number(item.slice(1)) % 7 === 3) throw new Error('every seventh')
            return Number(item.slice(1)) % 7 === 5 ? DROP : item
          }
          const given = outputs()
          const plumber = partitioned({ src: from(...items), work, properties, queueSize: random.integer(1, 6) })
          const settled = plumber.run(undefined, given.options)
          await scheduler.drive(settled)
          expectBalancedBooks(await settled, [])
          const kept = items.filter((item) => ![3, 5].includes(Number(item.slice(1)) % 7))
          if (properties.ordered) expect(given.values).toEqual(kept)
          expect(byKey(given.values)).toEqual(byKey(kept))
          expect(byKey(begun)).toEqual(byKey(items))
          if (begun.join() !== items.join()) overtaken++
        } finally {
          restore()
        }
      })
    if (process.env.SEED === undefined) expect(overtaken, 'runs in which somebody overtook').toBeGreaterThan(10)
  })
})

describe('what is held aside', () => {
  test('is as much as the queue holds: the next one waits for room', async () => {
    const items = range(20).map((n) => `a${n}`)
    const { started, accepted, pipeline } = await standing(items, { ...UNORDERED, queueSize: 3 })
    expect(started).toEqual(['a0'])
    const { received, inProgress } = nodeOf(pipeline.snapshot(), 'work')
    expect(received - inProgress, 'aside').toBeLessThanOrEqual(3)
    expect(accepted()).toBe(1 + 3 + 3)
    expectBalancedBooks(await pipeline.doomsday(), ['src'])
  })

  test('lets others pass as long as there is room aside', async () => {
    const items = ['a0', 'a1', 'a2', 'b0', 'b1']
    const { started, free, values, pipeline } = await standing(items, { ...UNORDERED, queueSize: 3 })
    expect(started).toEqual(['a0', 'b0'])
    await free('b0', 'b1')
    expect(values).toEqual(['b0', 'b1'])
    await free('a0', 'a1', 'a2')
    expectBalancedBooks(await pipeline.drain(), ['src'])
  })

  test('holds up others when there is no room aside any more, until the key moves on', async () => {
    const items = ['a0', 'a1', 'a2', 'a3', 'b0']
    const { started, free, pipeline } = await standing(items, { ...UNORDERED, queueSize: 3 })
    expect(started).toEqual(['a0'])
    await free('a0')
    expect(started).toEqual(['a0', 'a1', 'b0'])
    await free('a1', 'a2', 'a3', 'b0')
    expectBalancedBooks(await pipeline.drain(), ['src'])
  })

  test('flows out when the run is drained', async () => {
    const items = ['a0', 'a1', 'b0', 'a2', 'b1']
    const { free, values, pipeline } = await standing(items, UNORDERED)
    const drained = pipeline.drain()
    expect(await settlesSoon(drained)).toBe(false)
    await free(...items)
    const report = await drained
    expectBalancedBooks(report, ['src'])
    expect(report).toMatchObject({ outcome: 'completed', unprocessed: [] })
    expect(values.toSorted()).toEqual(items.toSorted())
  })

  test('is listed at doomsday at the node that held it', async () => {
    const items = ['a0', 'a1', 'a2', 'b0', 'b1']
    const { free, values, pipeline } = await standing(items, UNORDERED, LEDGER)
    const doomed = pipeline.doomsday()
    await free(...items)
    const report = await doomed
    expectBalancedBooks(report, ['src'])
    expect(values).toEqual([])
    expect(report.unprocessed.map(({ node, value }) => `${node} ${value}`).toSorted()).toEqual(
      items.map((item) => `work ${item}`).toSorted(),
    )
    expect(nodeOf(report, 'work')).toMatchObject({ received: 5, unprocessed: 5 })
    expect(rootsOf(report)).toEqual({ ...NONE, aborted: 5 })
  })

  test('is let go when nobody wants more, and the run is well', async () => {
    const one = defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<unknown>) {
        for await (const value of inputs) {
          yield value
          return
        }
      },
    })
    const { coro, free, started } = held()
    const plumber = new Plumber(
      {
        nodes: {
          src: { coro: from('a0', 'a1', 'a2', 'b0') as never },
          work: { coro: coro as never, properties: { partitionBy: 'key', ...UNORDERED } },
          one: { coro: one as never },
        },
        graph: { src: ['work'], work: ['one'] },
      },
      { coroMap: { key: letter } as never },
    )
    const pipeline = plumber.createPipeline({ ...LEDGER, graceMs: 20 })
    await turns()
    expect(started).toEqual(['a0', 'b0'])
    await free('b0')
    await free('a0')
    const report = await pipeline.settled
    expectBalancedBooks(report, [])
    expect(report.outcome).toBe('completed')
    expect(started).toEqual(['a0', 'b0'])
    expect(rootsOf(report)).toMatchObject({ delivered: 1, filtered: 3 })
  })
})

describe('the coroutine that gives the key', () => {
  test('is called once for each item, with its value and a context', async () => {
    const seen: unknown[] = []
    const key = (value: unknown, { node, meta, args, env }: Context) => {
      seen.push([value, node, { ...meta }, args, env])
      return meta.user
    }
    const pipeline = partitioned({ key, work: same, properties: UNORDERED }).createPipeline({ env: { e: 1 } })
    await pipeline.put('x', { meta: { user: 1 } })
    await pipeline.put('y', { meta: { user: 2 } })
    expectBalancedBooks(await pipeline.drain(), ['src'])
    expect(seen).toEqual([
      ['x', 'work', { user: 1 }, {}, { e: 1 }],
      ['y', 'work', { user: 2 }, {}, { e: 1 }],
    ])
  })

  test('is called once for an item also when that is held aside, tried again, or fails', async () => {
    const seen: unknown[] = []
    const key = (n: number) => {
      seen.push(n)
      return 'one'
    }
    const work = (n: number, { attempt }: Context) => {
      if (n % 2 && attempt < 3) throw new Error('once more')
      if (n === 4) throw new Error('never')
      return n
    }
    const properties = { ...UNORDERED, retry: { attempts: 3, minDelayMs: 0, jitter: 'none' }, onError: 'skip' }
    const plumber = partitioned({ src: from(...range(6)), key, work, properties })
    expect(await plumber.collect()).toEqual([0, 1, 2, 3, 5])
    expect(seen).toEqual(range(6))
  })

  test('may be defined by defineCoro, and have a name with dots', async () => {
    const { coro, started, free } = held()
    const plumber = new Plumber(
      {
        nodes: {
          src: { coro: from('a1', 'a2', 'b1') as never },
          work: { coro: coro as never, properties: { partitionBy: 'keys.byLetter', ...UNORDERED } },
        },
        graph: { src: ['work'] },
      },
      { coroMap: { keys: { byLetter: defineCoro({ run: letter as never }) } } as never },
    )
    const pipeline = plumber.createPipeline()
    await turns()
    expect(started).toEqual(['a1', 'b1'])
    await free('a1', 'b1', 'a2')
    expectBalancedBooks(await pipeline.settled, [])
  })

  test('may give any value: keys are the same as in a Map', async () => {
    const [one, other] = [{}, {}]
    const keys: readonly unknown[] = [1, '1', Number.NaN, Number.NaN, undefined, null, one, other, one, 0, -0, 'x']
    const distinct = new Set(keys).size
    const opened = gate()
    let started = 0
    const work = async (n: number) => {
      started++
      await opened.opened
      return n
    }
    const key = (n: number) => keys[n]
    const plumber = partitioned({
      src: from(...keys.keys()),
      key,
      work,
      properties: { workers: 20, ordered: false },
    })
    const pipeline = plumber.createPipeline()
    await turns()
    expect(started).toBe(distinct)
    opened.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(started).toBe(keys.length)
  })

  test('that throws fails the item, without a call', async () => {
    const wrong = new Error('no key')
    const called: unknown[] = []
    const key = (n: number) => {
      if (n === 1) throw wrong
      return n
    }
    const work = (n: number) => {
      called.push(n)
      return n
    }
    const ends = partitioned({ src: from(0, 1, 2), key, work })
    const error = await failureOf(() => ends.run())
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: wrong })
    expect(detailOf(error, 'node')).toBe('work')
    expectBalancedBooks(reportOf(error), [])
    expect(called).not.toContain(1)
    for (const ordered of [true, false]) {
      called.length = 0
      const given = outputs()
      const skips = partitioned({ src: from(0, 1, 2), key, work, properties: { onError: 'skip', ordered, workers: 2 } })
      const report = await skips.run(undefined, { ...LEDGER, ...given.options })
      expectBalancedBooks(report, [])
      expect([called, given.values]).toEqual([
        [0, 2],
        [0, 2],
      ])
      expect(nodeOf(report, 'work')).toMatchObject({ received: 3, completed: 2, failed: 1 })
      expect(rootsOf(report)).toEqual({ ...NONE, delivered: 2, errored: 1 })
    }
  })

  test.each<[string, () => unknown]>([
    ['a promise', async () => 'key'],
    ['a promise that rejects', async () => Promise.reject(new Error('later'))],
    ['a thenable', () => Object.fromEntries([['then', () => {}]])],
  ])('must not give %s', async (_what, key) => {
    const plumber = partitioned({ src: from(1, 2), key, work: same, properties: { onError: 'skip' } })
    const report = await plumber.run()
    await turns()
    expectBalancedBooks(report, [])
    expect(report.errors.map(({ code }) => code)).toEqual(['PLB_NODE_FAILED', 'PLB_NODE_FAILED'])
    expect(nodeOf(report, 'work')).toMatchObject({ failed: 2, emitted: 0 })
  })
})

test('an item that fails frees its key', async () => {
  const work = (item: string) => (item === 'a1' ? Promise.reject(new Error('wrong')) : item)
  const properties = { ...UNORDERED, onError: 'skip' }
  expect(await partitioned({ src: from('a1', 'a2', 'a3'), work, properties }).collect()).toEqual(['a2', 'a3'])
})

test('a key is of the tuple at a join', async () => {
  const { started, coro, free } = held()
  const joined = ([left, right]: readonly string[]) => coro(`${left}${right}`)
  const plumber = new Plumber(
    {
      nodes: {
        src: { coro: from('a1', 'a2', 'b1') as never },
        left: { coro: letter as never },
        join: { coro: joined as never, properties: { partitionBy: 'key', ...UNORDERED } },
      },
      graph: { src: ['left', 'join'], left: ['join'] },
    },
    { coroMap: { key: ([, left]: readonly string[]) => left } as never },
  )
  const pipeline = plumber.createPipeline()
  await turns()
  expect(started).toEqual(['a1a', 'b1b'])
  await free('a1a', 'b1b', 'a2a')
  const report = await pipeline.settled
  expectBalancedBooks(report, [])
  expect(nodeOf(report, 'join')).toMatchObject({ received: 6, completed: 6 })
})

describe('"partitionBy" is refused', () => {
  const stream = defineCoro({ kind: 'stream', run: async function* () {} })
  const coroMap = { src: from(1), any: same, stream, key: letter, source: defineCoro({ kind: 'source', run: from(1) }) }
  const doc = (partitionBy: unknown, coro = 'any') => ({
    nodes: { src: { coro: 'src' }, mid: { coro, properties: { partitionBy } } },
    graph: { src: ['mid'] },
  })

  test('where there is no such coroutine', () => {
    const [problem] = problemsOf(doc('kye'), coroMap)
    expect(problem).toMatchObject({
      code: 'PLB_CORO_NOT_FOUND',
      pointer: '/nodes/mid/properties/partitionBy',
      message: expect.stringContaining('"key"'),
    })
  })

  test('where it is not called per item', () => {
    for (const ref of ['stream', 'source'])
      expect(problemsOf(doc(ref), coroMap)).toMatchObject([{ pointer: '/nodes/mid/properties/partitionBy' }])
  })

  test('where it is no function', () => {
    expect(problemsOf(doc('key'), { ...coroMap, key: 3 })).toMatchObject([{ code: 'PLB_CORO_NOT_FUNCTION' }])
  })

  test('on sources, inlets and stream coroutines', () => {
    expect(problemsOf(doc('key', 'stream'), coroMap)).toMatchObject([{ code: 'PLB_OPTION_CONFLICT' }])
    for (const coro of ['src', 'std.inlet']) {
      const nodes = { first: { coro, properties: { partitionBy: 'key' } }, mid: { coro: 'any' } }
      expect(problemsOf({ nodes, graph: { first: ['mid'] } }, coroMap)).toMatchObject([{ code: 'PLB_OPTION_CONFLICT' }])
    }
  })

  test.each([{ batch: { size: 2 } }, { window: { size: 2 } }, { stateful: 2 }])(
    'beside what puts items of different keys together: %j',
    (properties) => {
      const nodes = {
        src: { coro: 'src' },
        mid: { coro: 'any', properties: { partitionBy: 'key', ...properties } },
      }
      expect(problemsOf({ nodes, graph: { src: ['mid'] } }, coroMap)).toMatchObject([{ code: 'PLB_OPTION_CONFLICT' }])
    },
  )

  test.each(['', 3, null, ['key']])('as %j', (partitionBy) => {
    expect(problemsOf(doc(partitionBy), coroMap)).toMatchObject([{ code: 'PLB_GRAPH_SCHEMA' }])
  })
})
