import { type Context, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  aborted,
  chain,
  endless,
  failureOf,
  from,
  having,
  nodeOf,
  plumberOf,
  range,
  reportOf,
  type Stage,
  same,
  settlesSoon,
  turns,
  unfused,
  until,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { badFor, countOf, diamond, even, LEDGER, NONE, rootsOf, verdictsOf, zip } from '../support/ledger.js'

/*
 * The ledger of runs that end early, are drained, doomed or fail: still exactly one verdict for each root.
 */

describe('an early end', () => {
  const take = (count: number) =>
    defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<unknown>) {
        let left = count
        for await (const value of inputs) {
          yield value
          if (--left === 0) return
        }
      },
    })

  test.each([true, false])('leaves what it closes off "filtered" (fuse: %s)', async (fuse) => {
    const numbers = endless()
    const report = await chain({ src: numbers.source, mid: same, take: take(3), out: same }).run(undefined, {
      ...LEDGER,
      fuse,
    })
    expect(report.outcome).toBe('completed')
    const { filtered, ...others } = rootsOf(report)
    expect(others).toMatchObject({ delivered: 3, errored: 0, aborted: 0 })
    // The last output of the source may have waited in front of an edge that was closed then.
    const closedOff = nodeOf(report, 'src').emitted - 3
    expect([closedOff, closedOff + 1]).toContain(filtered)
  })

  test('of one of two consumers changes nothing for what the other one delivers', async () => {
    const plumber = plumberOf({ src: from(...range(50)), take: take(2), all: same }, { src: ['take', 'all'] })
    expect(await verdictsOf(plumber)).toEqual({ ...NONE, delivered: 50 })
  })

  test('of a branch before a join filters what the join waits for in vain', async () => {
    const plumber = diamond(range(50), { a: take(2), b: same, join: same })
    expect(await verdictsOf(plumber)).toEqual({ ...NONE, delivered: 2, filtered: 48 })
  })
})

describe('a standing pipeline', () => {
  test('has a root for each value that was put, and none for one that was taken back', async () => {
    const open = gate()
    const wait = (value: unknown) => open.opened.then(() => value)
    const pipeline = chain({ in: unfused('std.inlet'), wait: unfused(wait, { queueSize: 2 }) }).createPipeline(LEDGER)
    for (const n of [1, 2, 3]) await pipeline.put(n)
    const controller = new AbortController()
    const cancelled = pipeline.put(4, { signal: controller.signal })
    expect(await settlesSoon(cancelled)).toBe(false)
    controller.abort()
    await expect(cancelled).rejects.toMatchObject({ name: 'AbortError' })
    const late = pipeline.put(5)
    open.open()
    await late
    expect(rootsOf(await pipeline.drain())).toEqual({ ...NONE, delivered: 4 })
  })

  test('that is drained delivers what it had', async () => {
    const numbers = endless()
    let seen = 0
    const pipeline = chain({
      src: unfused(numbers.source),
      even: unfused(even),
      out: () => void seen++,
    }).createPipeline(LEDGER)
    await until(() => seen > 20)
    const report = await pipeline.drain()
    const { emitted } = nodeOf(report, 'src')
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: Math.ceil(emitted / 2), filtered: Math.floor(emitted / 2) })
  })

  /** Puts 0 to 5 before a branch that delivers and one that hangs on 3 and everything behind it. */
  async function hanging(quick: Stage) {
    const slow = (n: number, ctx: Context) => (n < 3 ? n : aborted(ctx.signal))
    const plumber = plumberOf({ in: unfused('std.inlet'), quick, slow: unfused(slow) }, { in: ['quick', 'slow'] })
    const pipeline = plumber.createPipeline(LEDGER)
    for (const n of range(6)) await pipeline.put(n)
    await turns()
    return pipeline
  }

  test('that is doomed has "aborted" whatever was on its way, though a part of it was delivered', async () => {
    const report = await (await hanging(same)).doomsday('enough')
    expectBalancedBooks(report, ['in'])
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 3, aborted: 3 })
  })

  test('that is doomed keeps worse verdicts', async () => {
    const report = await (await hanging(badFor(1, 4))).doomsday('enough')
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 2, errored: 2, aborted: 2 })
  })

  test('that is doomed counts what a source has made only if somebody had accepted it', async () => {
    const numbers = endless()
    const wait = (n: number, ctx: Context) => (n < 5 ? n : aborted(ctx.signal))
    const pipeline = chain({ src: unfused(numbers.source), wait: unfused(wait, { queueSize: 4 }) }).createPipeline(
      LEDGER,
    )
    await turns()
    const report = await pipeline.doomsday('enough')
    expect(rootsOf(report)).toEqual({ ...NONE, delivered: 5, aborted: nodeOf(report, 'src').emitted - 5 })
  })

  test('that is doomed in front of a join has every open item "aborted"', async () => {
    const wait = (n: number, ctx: Context) => (n < 2 ? n : aborted(ctx.signal))
    const plumber = plumberOf({ in: 'std.inlet', wait, join: same }, { in: ['wait', 'join'], wait: ['join'] })
    const pipeline = plumber.createPipeline(LEDGER)
    for (const n of range(7)) await pipeline.put(n)
    await turns()
    expect(rootsOf(await pipeline.doomsday('enough'))).toEqual({ ...NONE, delivered: 2, aborted: 5 })
  })
})

describe('a run that fails', () => {
  const failing = () =>
    chain({
      src: from(...range(20)),
      bad: unfused((n: number) => {
        if (n === 3) throw new Error('boom')
        return n
      }),
      out: same,
    })
  const leave = async (stream: AsyncIterable<unknown>) => {
    for await (const _ of stream);
  }

  test.each<[string, () => unknown]>([
    ['run', () => failing().run(undefined, LEDGER)],
    ['collect', () => failing().collect(undefined, LEDGER)],
    ['stream', () => leave(failing().stream(undefined, LEDGER))],
  ])('has its verdicts in the report of the error: %s', async (_how, work) => {
    const report = reportOf(await failureOf(work))
    expect(rootsOf(report)).toMatchObject({ errored: 1, filtered: 0 })
    expect(countOf(rootsOf(report))).toBe(nodeOf(report, 'src').emitted)
  })

  test('by unequal sides has a verdict for everything that entered', async () => {
    const report = reportOf(await failureOf(() => zip(range(9), range(4), same).run(undefined, LEDGER)))
    expect(rootsOf(report)).toMatchObject({ delivered: 8, errored: 0 })
    // The source may have been about to send more when its edge was closed.
    expect(countOf(rootsOf(report))).toBeGreaterThanOrEqual(nodeOf(report, 'left').emitted + 4)
    expect(countOf(rootsOf(report))).toBeLessThanOrEqual(9 + 4)
  })
})

describe('an output that waits for a credit', () => {
  /** Reads on while what it gave waits. */
  const buffer = defineCoro({
    kind: 'stream',
    run: async function* (inputs: AsyncIterable<unknown>) {
      const read: unknown[] = []
      let [done, wake] = [false, (): void => {}]
      const reading = (async () => {
        for await (const value of inputs) {
          read.push(value)
          wake()
          await turns(1)
        }
        done = true
        wake()
      })()
      while (!done || read.length > 0) {
        if (read.length > 0) yield read.shift()
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
      await reading
    },
  })
  const late = async (n: unknown) => {
    if (n === 0) await turns(100)
    return n
  }

  test('is counted before its input is done with, as a stream that reads ahead is', async () => {
    const nodes = { src: from(...range(60)), f: same, buffer, late, b: same, c: same }
    const outer = having({ missing: 'partial', collect: 'all' }, same)
    const report = await plumberOf(
      { ...nodes, inner: same, outer },
      {
        src: ['f'],
        f: ['buffer', 'c'],
        buffer: ['late', 'b'],
        late: ['inner'],
        b: ['inner'],
        inner: ['outer'],
        c: ['outer'],
      },
    ).run(undefined, LEDGER)
    expect(report.outcome).toBe('completed')
    expect(countOf(rootsOf(report))).toBe(60)
    expectBalancedBooks(report, [])
  })
})

test('an output by a port without edges has the verdict of one that nobody wants', async () => {
  const coro = defineCoro({
    emits: ['used'],
    run: function* (_: unknown, ctx: Context) {
      for (const n of range(5)) {
        ctx.emit('used', n)
        yield n
      }
    },
  })
  const report = await plumberOf({ src: coro, out: same }, { src: [{ to: 'out', port: 'used' }] }).run(
    undefined,
    LEDGER,
  )
  expect(rootsOf(report)).toEqual({ ...NONE, delivered: 5, filtered: 5 })
})

describe('without a ledger', () => {
  test.each([undefined, {}, { ledger: false }])('a report has no roots: %j', async (options) => {
    expect(await chain({ src: from(1), out: same }).run(undefined, options)).not.toHaveProperty('roots')
  })

  test('a wrong value for it is refused', async () => {
    for (const ledger of ['yes', 1, null])
      expect(
        await failureOf(() => chain({ src: from(1), out: same }).run(undefined, { ledger } as never)),
      ).toMatchObject({
        code: 'PLB_OPTION_INVALID',
      })
  })
})
