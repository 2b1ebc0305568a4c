import { type Context, DROP, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  chain,
  edgeOf,
  from,
  having,
  nodeOf,
  outputs,
  range,
  type Stage,
  same,
  settlesSoon,
  turns,
  unfused,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { stillClock } from '../support/still-clock.js'

/* `packetsInFlight` at stream coroutines: an instance has a place for its next output whenever its code goes on. */
stillClock()

type Inputs = AsyncIterable<number>
type Step = (n: number) => unknown

/** A stream coroutine that makes `step` of each input, and gives the input on. */
const passing = (step: Step = () => {}): object =>
  defineCoro({
    kind: 'stream',
    run: async function* (inputs: Inputs) {
      for await (const n of inputs) {
        await step(n)
        yield n
      }
    },
  })

/** The same as a function that emits, and is no generator. */
const emitting = (step: Step = () => {}): object =>
  defineCoro({
    kind: 'stream',
    run: async (inputs: Inputs, ctx: Context) => {
      for await (const n of inputs) {
        await step(n)
        ctx.emit('out', n)
      }
    },
  })

const inFlight = (n: number, coro: Stage, more: object = {}): Stage => unfused(coro, { packetsInFlight: n, ...more })

/** A stream that passes on what it gets, and counts what it has made or is about to make. */
function counted(outputsEach = 1) {
  const state = { made: 0, coro: {} as object }
  state.coro = defineCoro({
    kind: 'stream',
    run: async function* (inputs: Inputs) {
      for await (const n of inputs)
        for (let output = 0; output < outputsEach; output++) {
          state.made++
          yield n
        }
    },
  })
  return state
}

/** A leaf that holds all that it gets until its gate is open. */
function shut() {
  const { opened, open } = gate()
  return { open, coro: async (n: number) => opened.then(() => n) }
}

describe('a chain of lock steps', () => {
  /** There is one mark: it is put down by one stage and picked up by the next, all along the chain. */
  function marks() {
    let marked = 0
    const puts = (): void => void expect(++marked).toBe(1)
    const picks = (): void => void expect(--marked).toBe(0)
    return { puts, picks }
  }

  const shapes: Readonly<Record<string, (step: Step) => Stage>> = {
    'stream coroutines': passing,
    'stream coroutines that emit': emitting,
    'stream coroutines that take their time': (step) => passing((n) => turns(2).then(() => step(n))),
    functions: (step) => (n: number) => {
      step(n)
      return n
    },
  }

  const pairs = Object.keys(shapes).flatMap((one) => Object.keys(shapes).map((other) => [one, other] as const))

  test.each(pairs)('works strictly in turn: %s, then %s', async (one, other) => {
    const { puts, picks } = marks()
    const [a, b] = [shapes[one] ?? passing, shapes[other] ?? passing]
    const given = outputs()
    function* source() {
      for (const n of range(101)) {
        puts()
        yield n
      }
    }
    const stages = { a: inFlight(1, a(picks)), b: inFlight(1, b(puts)), c: unfused(a(picks)) }
    const report = await chain({ src: inFlight(1, source), ...stages }).run(undefined, given.options)
    expectBalancedBooks(report, [])
    expect(given.values).toEqual(range(101))
  })

  test('goes on when the leaf asks for the next, and not before', async () => {
    const [numbers, sink, log] = [counted(), shut(), [] as number[]]
    const source = function* () {
      for (const n of range(9)) {
        log.push(n)
        yield n
      }
    }
    const pipeline = chain({
      src: inFlight(1, source),
      a: inFlight(1, numbers.coro),
      b: inFlight(1, passing()),
      sink: unfused(sink.coro),
    }).createPipeline()
    await turns()
    expect([log, numbers.made]).toEqual([[0], 1])
    sink.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(numbers.made).toBe(9)
  })
})

describe('behind a stream, a node that holds all that it gets', () => {
  test.each([1, 2, 3])(
    'lets it make %i outputs, however many instances and outputs of an input there are',
    async (n) => {
      for (const [workers, outputsEach] of [
        [1, 1],
        [1, 3],
        [2, 1],
        [4, 2],
      ] as const) {
        const [mid, sink] = [counted(outputsEach), shut()]
        const pipeline = chain({
          src: from(...range(12)),
          mid: inFlight(n, mid.coro, { workers }),
          sink: unfused(sink.coro),
        }).createPipeline()
        await turns()
        expect([mid.made, nodeOf(pipeline.snapshot(), 'mid').emitted], `${workers} workers`).toEqual([n, n])
        sink.open()
        expect(await settlesSoon(pipeline.settled)).toBe(true)
        expectBalancedBooks(await pipeline.settled, [])
        expect(mid.made).toBe(12 * outputsEach)
      }
    },
  )

  test('lets what is emitted beyond the place wait for one', async () => {
    const sink = shut()
    const given = outputs()
    const mid = defineCoro({
      kind: 'stream',
      run: async function* (inputs: Inputs, ctx: Context) {
        for await (const n of inputs) {
          ctx.emit('out', n)
          ctx.emit('out', n)
          yield n
        }
      },
    })
    const stages = { src: from(0, 1), mid: inFlight(2, mid), sink: unfused(sink.coro) }
    const pipeline = chain(stages).createPipeline(given.options)
    await turns()
    expect(edgeOf(pipeline.snapshot(), 'mid', 'sink').entered).toBe(2)
    sink.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(given.values).toEqual([0, 0, 0, 1, 1, 1])
  })

  test('lets nothing that an input gives when there are no more be made before there is a place', async () => {
    const sink = shut()
    let totals = 0
    const total = defineCoro({
      kind: 'stream',
      run: async function* (inputs: Inputs) {
        let sum = 0
        for await (const n of inputs) sum += n
        totals++
        yield sum
      },
    })
    const stages = { src: from(1, 2), total: inFlight(1, total, { workers: 3 }), sink: unfused(sink.coro) }
    const given = outputs()
    const pipeline = chain(stages).createPipeline(given.options)
    await turns()
    expect(totals).toBe(1)
    sink.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect([totals, given.values.length, given.values.reduce((sum, n) => Number(sum) + Number(n))]).toEqual([3, 3, 3])
  })
})

describe('instances that share fewer places than there are of them', () => {
  const dropping = defineCoro({
    kind: 'stream',
    run: async function* (inputs: Inputs) {
      for await (const n of inputs) yield n % 3 === 0 ? n : DROP
    },
  })
  const filtering = defineCoro({
    kind: 'stream',
    run: async function* (inputs: Inputs) {
      for await (const n of inputs) if (n % 3 === 0) yield n
    },
  })
  const flushing = defineCoro({
    kind: 'stream',
    run: async function* (inputs: Inputs) {
      for await (const n of inputs) if (n % 3 === 0) yield n
    },
    flush: () => 99,
  })

  test.each<[string, object, readonly number[]]>([
    ['give all', passing(), range(12)],
    ['emit all', emitting(), range(12)],
    ['drop some', dropping, [0, 3, 6, 9]],
    ['leave some out', filtering, [0, 3, 6, 9]],
    ['flush', flushing, [0, 3, 6, 9, 99, 99, 99]],
  ])('come through, where they %s', async (_what, coro, expected) => {
    for (const properties of [{}, { batch: { size: 5, returns: 'one' } }]) {
      const seen: number[] = []
      const out = (given: number | number[]) => void seen.push(...[given].flat())
      const settled = chain({
        src: inFlight(1, from(...range(12))),
        mid: inFlight(1, coro, { workers: 3 }),
        out: unfused(out as never, properties),
      }).run()
      expect(await settlesSoon(settled)).toBe(true)
      expectBalancedBooks(await settled, [])
      expect(seen.toSorted((a, b) => a - b)).toEqual(expected)
    }
  })

  test('come through behind and in front of others', async () => {
    const given = outputs()
    const settled = chain({
      src: inFlight(1, from(...range(20))),
      a: inFlight(
        1,
        passing(() => turns(1)),
        { workers: 3 },
      ),
      b: inFlight(2, same, { workers: 2, ordered: false }),
      c: inFlight(1, emitting(), { workers: 4 }),
      out: unfused(same),
    }).run(undefined, given.options)
    expect(await settlesSoon(settled)).toBe(true)
    expectBalancedBooks(await settled, [])
    expect(given.values.toSorted((a, b) => Number(a) - Number(b))).toEqual(range(20))
  })
})

describe('an instance that waits for a place', () => {
  /** A pipeline whose stream waits for the place of what its leaf holds. */
  async function waiting(properties: object = {}, stages: Readonly<Record<string, Stage>> = {}) {
    const [mid, sink, given] = [counted(), shut(), outputs()]
    const pipeline = chain({
      src: from(...range(8)),
      mid: inFlight(1, mid.coro, properties),
      sink: unfused(sink.coro),
      ...stages,
    }).createPipeline({ ...given.options, graceMs: 20 })
    await turns()
    expect(mid.made).toBe(1)
    return { mid, sink, given, pipeline }
  }

  test('is let go at doomsday', async () => {
    const { mid, sink, pipeline } = await waiting({ workers: 2 })
    const doomed = pipeline.doomsday()
    sink.open()
    const report = await doomed
    expectBalancedBooks(report, [])
    expect([report.abandoned, mid.made]).toEqual([[], 1])
  })

  test('sees the end of its input when there are fewer workers', async () => {
    const { sink, given, pipeline } = await waiting({ workers: 3 })
    pipeline.setWorkers('mid', 1)
    sink.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(given.values.toSorted()).toEqual(range(8))
  })

  test('has others beside it when there are more workers', async () => {
    const { sink, given, pipeline } = await waiting()
    pipeline.setWorkers('mid', 3)
    await turns()
    sink.open()
    expectBalancedBooks(await pipeline.settled, [])
    expect(given.values.toSorted()).toEqual(range(8))
  })

  test('takes nothing while paused, and holds no place meanwhile', async () => {
    const { mid, sink, given, pipeline } = await waiting({ workers: 2 })
    pipeline.pause()
    sink.open()
    await turns()
    expect(mid.made).toBe(1)
    pipeline.resume()
    expectBalancedBooks(await pipeline.settled, [])
    expect(given.values.toSorted()).toEqual(range(8))
  })

  test('is let go when nobody wants more', async () => {
    const first = defineCoro({
      kind: 'stream',
      run: async function* (inputs: Inputs) {
        for await (const n of inputs) {
          yield n
          return
        }
      },
    })
    const { sink, given, pipeline } = await waiting({ workers: 2 }, { first })
    sink.open()
    expect(await settlesSoon(pipeline.settled)).toBe(true)
    const report = await pipeline.settled
    expectBalancedBooks(report, [])
    expect([report.outcome, report.abandoned, given.values]).toEqual(['completed', [], [0]])
  })

  test('leaves early with its place, which others get', async () => {
    const one = defineCoro({
      kind: 'stream',
      run: async function* (inputs: Inputs, { worker }: Context) {
        for await (const n of inputs) {
          yield n
          if (worker.index === 0) return
        }
      },
    })
    const given = outputs()
    const settled = chain({
      src: from(...range(8)),
      one: inFlight(1, one, { workers: 2 }),
      out: unfused(same),
    }).run(undefined, given.options)
    expect(await settlesSoon(settled)).toBe(true)
    expectBalancedBooks(await settled, [])
    expect(given.values).toEqual(range(8))
  })

  test('goes on for others when a request is cancelled', async () => {
    const sink = shut()
    const pipeline = chain({
      in: 'std.inlet',
      mid: inFlight(1, passing(), { workers: 2 }),
      sink: having({ fuse: false }, sink.coro),
    }).createPipeline()
    const clients = range(6).map(() => new AbortController())
    const answers = clients.map(({ signal }, n) => pipeline.process(n, { signal }).catch(() => 'cancelled'))
    await turns()
    for (const n of [0, 1, 4]) clients[n]?.abort()
    sink.open()
    expect(await Promise.all(answers)).toEqual(['cancelled', 'cancelled', 2, 3, 'cancelled', 5])
    expectBalancedBooks(await pipeline.drain(), ['in'])
  })
})
