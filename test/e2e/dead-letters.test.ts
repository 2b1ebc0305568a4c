import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, DROP, defineCoro } from '@pipelines/core'
import { collect, explore, gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  detailOf,
  edgeOf,
  endless,
  failureOf,
  from,
  having,
  nodeOf,
  plumberOf,
  range,
  type Stage,
  same,
  turns,
} from '../support/blackbox.js'
import { deaf, expectSound, inVirtualTime, obedient, played, timed, watched } from '../support/virtual-time.js'

/** What leaves by port `error`. */
interface Letter {
  readonly error: { readonly code: string; readonly message: string; readonly node: string; readonly attempts: number }
  readonly input: unknown
  readonly meta: Readonly<Record<string, unknown>>
}

const boom = (): never => {
  throw new Error('boom')
}
const failOdd = (n: number): number => (n % 2 ? boom() : n)
const LEDGER = { ledger: true }
const routing = (coro: Stage, properties: object = {}): Stage => having({ onError: 'route', ...properties }, coro)
const inputOf = (letter: unknown): unknown => (letter as Letter).input
const onError = (...names: readonly string[]) => names.map((to) => ({ to, port: 'error' }))

/** A line whose middle node has a successor for its results, and one for its errors. */
const line = (mid: Stage, { src = from(...range(6)), dead = same, out = same }: Record<string, Stage> = {}) =>
  plumberOf({ src, mid, out, dead }, { src: ['mid'], mid: ['out', ...onError('dead')] })

describe('a dead letter', () => {
  test('is the error, the input and its meta', () =>
    inVirtualTime(async () => {
      const input = { n: 1 }
      const src = (output: { put(value: unknown, options: object): unknown }) =>
        output.put(input, { meta: { user: 'u7', trace: 't1' } })
      const dead = collect<Letter>()
      const { report } = await played(line(routing(boom), { src, dead: dead.coro }))
      const [letter] = dead.values
      expect(letter).toEqual({
        error: { code: 'PLB_NODE_FAILED', message: report.errors[0]?.message, node: 'mid', attempts: 1 },
        input: { n: 1 },
        meta: { user: 'u7', trace: 't1' },
      })
      expect(letter?.error.message).toContain('boom')
      expect(letter?.input).toBe(input)
      expect(dead.metas).toEqual([{ user: 'u7', trace: 't1' }])
      expect(JSON.parse(JSON.stringify(letter))).toEqual(letter)
    }))

  test.each([true, false])('leaves by port "error", results by "out", and the run goes on (call chains: %s)', (fuse) =>
    inVirtualTime(async () => {
      const { report, valuesOf } = await played(line(routing(failOdd)), { fuse, ...LEDGER })
      expect(valuesOf('out')).toEqual([0, 2, 4])
      expect(valuesOf('dead').map(inputOf)).toEqual([1, 3, 5])
      expect(report).toMatchObject({ outcome: 'completed', unprocessed: [] })
      expect(report.roots).toMatchObject({ delivered: 3, deadLettered: 3, errored: 0, filtered: 0 })
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 6, completed: 3, failed: 3, dropped: 0, retried: 0 })
      expect(edgeOf(report, 'mid', 'out')).toMatchObject({ port: 'out', entered: 3, left: 3 })
      expect(edgeOf(report, 'mid', 'dead')).toMatchObject({ port: 'error', entered: 3, left: 3 })
      expect(nodeOf(report, 'dead')).toMatchObject({ received: 3, completed: 3, failed: 0 })
    }),
  )

  test('is an output that was accepted, beside the results', () =>
    inVirtualTime(async () => {
      const { report } = await played(line(routing(failOdd)))
      expect(nodeOf(report, 'mid').emitted).toBe(6)
    }))

  test('is told and listed like an item that is skipped', () =>
    inVirtualTime(async () => {
      const heard: unknown[] = []
      const pipeline = line(routing(failOdd)).createPipeline()
      pipeline.on('error', (error) => void heard.push(error))
      const report = await pipeline.settled
      expect(heard).toEqual(report.errors)
      expect(report.errors.map((error) => [error.code, detailOf(error, 'node')])).toEqual(
        range(3).map(() => ['PLB_NODE_FAILED', 'mid']),
      )
      expect(report.error).toBeUndefined()
      expectSound(report)
    }))

  test('goes to every successor on port "error"', () =>
    inVirtualTime(async () => {
      const nodes = { src: from(...range(4)), mid: routing(failOdd), out: same, file: same, alarm: same }
      const plumber = plumberOf(nodes, { src: ['mid'], mid: ['out', ...onError('file', 'alarm')] })
      const { report, valuesOf } = await played(plumber, LEDGER)
      expect(valuesOf('file').map(inputOf)).toEqual([1, 3])
      expect(valuesOf('alarm')).toEqual(valuesOf('file'))
      expect(report.roots).toMatchObject({ delivered: 2, deadLettered: 2 })
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 2, emitted: 4 })
    }))

  test('is sent for every item, however many: only the list of errors is cut', () =>
    inVirtualTime(async () => {
      const { report, valuesOf } = await played(line(routing(boom), { src: from(...range(250)) }), LEDGER)
      expect(valuesOf('dead').map(inputOf)).toEqual(range(250))
      expect(report.errors).toHaveLength(100)
      expect(nodeOf(report, 'mid').failed).toBe(250)
      expect(report.roots).toMatchObject({ deadLettered: 250 })
    }))

  test('of a timeout says so', () =>
    inVirtualTime(async () => {
      const mid = routing(obedient(1_000), { timeoutMs: 50 })
      const { report, valuesOf, settledMs } = await played(line(mid, { src: from(1) }), LEDGER)
      expect(valuesOf('dead')).toMatchObject([
        { error: { code: 'PLB_NODE_TIMEOUT', node: 'mid', attempts: 1 }, input: 1 },
      ])
      expect(settledMs).toBe(50)
      expect(report.roots).toMatchObject({ deadLettered: 1 })
    }))

  test('leaves at the timeout, also if the call goes on', () =>
    inVirtualTime(async () => {
      const mid = routing(deaf(1_000), { timeoutMs: 50 })
      const { report, outputs } = await played(line(mid, { src: from(1, 2) }), LEDGER)
      expect(outputs.map(({ node, atMs }) => [node, atMs])).toEqual([
        ['dead', 50],
        ['dead', 1_050],
      ])
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 2, late: 2, completed: 0 })
    }))

  test('of a generator that failed half-way leaves behind what it had given', () =>
    inVirtualTime(async () => {
      const mid = routing(function* (n: number) {
        yield n
        yield failOdd(n)
      } as object)
      const { report, valuesOf } = await played(line(mid, { src: from(1, 2, 3) }), LEDGER)
      expect(valuesOf('out')).toEqual([1, 2, 2, 3])
      expect(valuesOf('dead').map(inputOf)).toEqual([1, 3])
      expect(report.roots).toMatchObject({ delivered: 1, deadLettered: 2 })
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 3, completed: 1, failed: 2 })
    }))

  test('may meet what the coroutine itself emits by port "error"', () =>
    inVirtualTime(async () => {
      const mid = defineCoro({
        emits: ['error'],
        run: (n: number, ctx: Context) => {
          if (n === 1) ctx.emit('error', 'my own')
          return n === 1 ? DROP : failOdd(n)
        },
      }) as object
      const { report, valuesOf } = await played(line(routing(mid), { src: from(1, 2, 3) }))
      expect(valuesOf('dead')).toMatchObject(['my own', { input: 3 }])
      expect(valuesOf('out')).toEqual([2])
      expect(nodeOf(report, 'mid')).toMatchObject({ completed: 2, failed: 1 })
    }))

  test('may be all that a node has a successor for', () =>
    inVirtualTime(async () => {
      const plumber = plumberOf(
        { src: from(...range(4)), save: routing(failOdd), dead: same },
        { src: ['save'], save: onError('dead') },
      )
      const { report, valuesOf } = await played(plumber, LEDGER)
      expect(valuesOf('dead').map(inputOf)).toEqual([1, 3])
      expect(report.roots).toMatchObject({ deadLettered: 2, errored: 0 })
      expect(nodeOf(report, 'save')).toMatchObject({ received: 4, completed: 2, failed: 2 })
    }))
})

describe('"The error output of my node switches its retries off."', () => {
  test('Retries come first: what succeeds at last is a result', () =>
    inVirtualTime(async () => {
      const { starts, coro } = watched((n: number, { attempt }: Context) => (attempt < 3 || n === 2 ? boom() : n))
      const mid = routing(coro, { retry: { attempts: 3, jitter: 'none' } })
      const { report, valuesOf } = await played(line(mid, { src: from(1, 2, 3) }), LEDGER)
      expect(starts).toHaveLength(9)
      expect(valuesOf('out')).toEqual([1, 3])
      expect(valuesOf('dead')).toMatchObject([{ error: { code: 'PLB_NODE_FAILED', attempts: 3 }, input: 2 }])
      expect(report.errors).toHaveLength(1)
      expect(report.roots).toMatchObject({ delivered: 2, deadLettered: 1 })
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 3, completed: 2, failed: 1, retried: 6 })
    }))

  test('A timeout is an attempt like any other', () =>
    inVirtualTime(async () => {
      const mid = (n: number, { attempt, signal }: Context) =>
        n === 1 || attempt === 1 ? sleep(1_000, n, { signal }) : n
      const stage = routing(mid, { timeoutMs: 50, retry: { attempts: 2, minDelayMs: 10, jitter: 'none' } })
      const { report, outputs } = await played(line(stage, { src: from(1, 2) }), LEDGER)
      expect(outputs.map(({ node, atMs }) => [node, atMs])).toEqual([
        ['dead', 110],
        ['out', 170],
      ])
      expect(outputs[0]?.value).toMatchObject({ error: { code: 'PLB_NODE_TIMEOUT', attempts: 2 }, input: 1 })
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 2, completed: 1, failed: 1, retried: 2 })
    }))
})

describe('the verdict on an item that left as a dead letter', () => {
  test.each<[string, Stage, object]>([
    ['whose handler hands it on is "deadLettered"', same, { deadLettered: 3, delivered: 3 }],
    ['whose handler gives nothing is "deadLettered"', () => DROP, { deadLettered: 3, delivered: 3 }],
    ['whose handler skips it is "errored"', having({ onError: 'skip' }, boom), { errored: 3, delivered: 3 }],
  ])('%s', (_what, dead, verdicts) =>
    inVirtualTime(async () => {
      const { report } = await played(line(routing(failOdd), { dead }), LEDGER)
      expect(report.roots).toMatchObject({ filtered: 0, errored: 0, deadLettered: 0, aborted: 0, ...verdicts })
    }),
  )

  test('in one branch is "deadLettered", also if another branch delivers it', () =>
    inVirtualTime(async () => {
      const nodes = { src: from(...range(4)), a: routing(failOdd), dead: same, b: same }
      const { report } = await played(plumberOf(nodes, { src: ['a', 'b'], a: onError('dead') }), LEDGER)
      expect(report.roots).toMatchObject({ deadLettered: 2, errored: 0 })
    }))

  test('in one branch is "errored" if another branch skips it', () =>
    inVirtualTime(async () => {
      const nodes = { src: from(1), a: routing(failOdd), dead: same, b: having({ onError: 'skip' }, failOdd) }
      const { report } = await played(plumberOf(nodes, { src: ['a', 'b'], a: onError('dead') }), LEDGER)
      expect(report.roots).toMatchObject({ errored: 1, deadLettered: 0 })
    }))

  test('is one, whatever the handler makes of it', () =>
    inVirtualTime(async () => {
      const dead = function* (letter: unknown) {
        yield letter
        yield letter
      } as object
      const { report } = await played(line(routing(failOdd), { dead }), LEDGER)
      expect(report.roots).toMatchObject({ delivered: 3, deadLettered: 3 })
      expect(nodeOf(report, 'dead').emitted).toBe(6)
    }))
})

describe('a handler of dead letters', () => {
  test('that fails ends the run as any other node', () =>
    inVirtualTime(async () => {
      const { report } = await played(line(routing(failOdd), { dead: boom }))
      expect(report.error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'dead' } })
    }))

  test('may route what it fails at to the next', () =>
    inVirtualTime(async () => {
      const nodes = { src: from(1), mid: routing(failOdd), out: same, first: routing(boom), ok: same, last: same }
      const graph = { src: ['mid'], mid: ['out', ...onError('first')], first: ['ok', ...onError('last')] }
      const { report, valuesOf } = await played(plumberOf(nodes, graph), LEDGER)
      expect(valuesOf('last')).toMatchObject([
        { error: { node: 'first' }, input: { error: { node: 'mid' }, input: 1 } },
      ])
      expect(report.roots).toMatchObject({ deadLettered: 1, errored: 0 })
    }))

  /** A stream coroutine that is done after one item. */
  const takeOne = defineCoro({
    kind: 'stream',
    run: async function* (inputs: AsyncIterable<unknown>) {
      for await (const value of inputs) {
        yield value
        return
      }
    },
  })

  test('that is done takes no more: the run goes on, and what fails from then on is "errored"', () =>
    inVirtualTime(async () => {
      const src = timed(...range(6).map((n) => [10 * n, n] as const))
      const { report, valuesOf } = await played(line(routing(failOdd), { src, dead: takeOne }), LEDGER)
      expect(valuesOf('out')).toEqual([0, 2, 4])
      expect(valuesOf('dead').map(inputOf)).toEqual([1])
      expect(report).toMatchObject({ outcome: 'completed', unprocessed: [] })
      expect(report.roots).toMatchObject({ delivered: 3, deadLettered: 1, errored: 2 })
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 6, completed: 3, failed: 3 })
    }))

  test('that is done lets go who waits to send it more', () =>
    inVirtualTime(async () => {
      const slowTakeOne = defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<unknown>) {
          for await (const value of inputs) {
            await sleep(100)
            yield value
            return
          }
        },
      })
      const dead = having({ queueSize: 1, fuse: false }, slowTakeOne)
      const plumber = line(routing(failOdd, { workers: 2 }), { src: from(...range(20)), dead })
      const { report, valuesOf, settledMs } = await played(plumber, LEDGER)
      expect([report.outcome, settledMs]).toEqual(['completed', 100])
      expect(valuesOf('out')).toEqual(range(10).map((n) => 2 * n))
      expect(valuesOf('dead').map(inputOf)).toEqual([1])
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 20, completed: 10, failed: 10 })
      const { delivered, errored, deadLettered } = report.roots ?? {}
      expect([delivered, Number(errored) + Number(deadLettered)]).toEqual([10, 10])
      expect(deadLettered).toBeGreaterThanOrEqual(1)
    }))

  test('goes on when those who take the results are done', () =>
    inVirtualTime(async () => {
      const src = timed(...range(6).map((n) => [10 * n, n] as const))
      const { report, valuesOf } = await played(line(routing(failOdd), { src, out: takeOne }))
      expect(valuesOf('out')).toEqual([0])
      expect(valuesOf('dead').map(inputOf)).toEqual([1, 3, 5])
      expect(report.outcome).toBe('completed')
    }))
})

describe('the port of errors holds its node back:', () => {
  const shut = (wait: Promise<void>) =>
    having({ fuse: false, queueSize: 3 }, (letter: unknown) => wait.then(() => letter))
  const unread = (properties: object = {}) => routing(boom, { fuse: false, queueSize: 2, ...properties })

  test.each([
    [1, {}, 7],
    [3, { ordered: true }, 9],
    [3, { ordered: false }, 9],
  ])(
    'what is held is what the edges hold and the workers have in hand (%d workers, %o)',
    async (workers, rest, held) => {
      const opened = gate()
      const numbers = endless()
      const src = having({ fuse: false }, numbers.source)
      const mid = unread({ workers, ...rest })
      const pipeline = line(mid, { src, dead: shut(opened.opened) }).createPipeline()
      await turns()
      expect(nodeOf(pipeline.snapshot(), 'src').emitted).toBe(held)
      expect(edgeOf(pipeline.snapshot(), 'mid', 'dead')).toMatchObject({ depth: 3, entered: 4 })
      opened.open()
      expectSound(await pipeline.doomsday('enough'))
    },
  )

  test('time in which a dead letter waits there is no time of a call', () =>
    inVirtualTime(async () => {
      const dead = having({ queueSize: 1, fuse: false }, obedient(1_000))
      const mid = routing(boom, { timeoutMs: 10, retry: { attempts: 2, minDelayMs: 0 } })
      const { report, valuesOf } = await played(line(mid, { dead }))
      expect(valuesOf('dead')).toMatchObject(
        range(6).map((input) => ({ error: { code: 'PLB_NODE_FAILED', attempts: 2 }, input })),
      )
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 6, retried: 6, late: 0 })
    }))

  test('doomsday while a dead letter waits settles at once', async () => {
    const opened = gate()
    const pipeline = line(unread(), { dead: shut(opened.opened) }).createPipeline({ graceMs: 0 })
    await turns()
    const report = await pipeline.doomsday('enough')
    expect(report.outcome).toBe('doomed')
    expect(report.unprocessed.filter(({ node }) => node === 'src' || node === 'mid').length).toBeGreaterThan(0)
    expectSound(report)
    opened.open()
  })
})

describe('dead letters of several workers', () => {
  /** The later the item, the sooner it fails. */
  const hasty = async (n: number) => {
    await sleep(100 - 10 * n)
    return boom()
  }

  test('leave in the order of the items', () =>
    inVirtualTime(async () => {
      const mid = routing(hasty, { workers: 6, retry: { attempts: 2, minDelayMs: 5 } })
      const { valuesOf } = await played(line(mid))
      expect(valuesOf('dead').map(inputOf)).toEqual(range(6))
    }))

  test('leave as they fail with ordered: false', () =>
    inVirtualTime(async () => {
      const { valuesOf } = await played(line(routing(hasty, { workers: 6, ordered: false })))
      expect(valuesOf('dead').map(inputOf)).toEqual([5, 4, 3, 2, 1, 0])
    }))
})

describe('in a diamond', () => {
  const items = range(6)

  test('a branch that ends at a dead letter closes its part: the join leaves that item out', () =>
    inVirtualTime(async () => {
      const nodes = { src: from(...items), a: routing(failOdd), b: same, dead: same, join: same }
      const graph = { src: ['a', 'b'], a: ['join', ...onError('dead')], b: ['join'] }
      const { report, valuesOf } = await played(plumberOf(nodes, graph), LEDGER)
      expect(valuesOf('join')).toEqual([0, 2, 4].map((n) => [n, n]))
      expect(valuesOf('dead').map(inputOf)).toEqual([1, 3, 5])
      expect(report.roots).toMatchObject({ delivered: 3, deadLettered: 3 })
      expect(nodeOf(report, 'join')).toMatchObject({ received: 9, completed: 9, failed: 0, emitted: 3 })
    }))

  test('the same with missing: "partial" hands over the rest', () =>
    inVirtualTime(async () => {
      const join = having({ missing: 'partial' }, same)
      const nodes = { src: from(...items), a: routing(failOdd), b: same, dead: same, join }
      const graph = { src: ['a', 'b'], a: ['join', ...onError('dead')], b: ['join'] }
      const { report, valuesOf } = await played(plumberOf(nodes, graph), LEDGER)
      expect(valuesOf('join')).toEqual(items.map((n) => [n % 2 ? undefined : n, n]))
      expect(report.roots).toMatchObject({ delivered: 3, deadLettered: 3 })
    }))

  test('a dead letter that is mended comes together with its own item', () =>
    inVirtualTime(async () => {
      const mend = (letter: Letter) => `mended ${letter.input}`
      const nodes = {
        src: from(...items),
        a: routing(failOdd, { workers: 3 }),
        mend: having({ workers: 2 }, (letter: Letter) => sleep(10).then(() => mend(letter))),
        both: having({ aggregateInputs: false }, same),
        b: same,
        join: same,
      }
      const graph = { src: ['a', 'b'], a: ['both', ...onError('mend')], mend: ['both'], both: ['join'], b: ['join'] }
      const { report, valuesOf } = await played(plumberOf(nodes, graph), LEDGER)
      expect(valuesOf('join')).toEqual(items.map((n) => [n % 2 ? `mended ${n}` : n, n]))
      expect(report.roots).toMatchObject({ deadLettered: 3, delivered: 3 })
    }))

  test('results and dead letters of one node may both come to the join, if "missing" says so', () =>
    inVirtualTime(async () => {
      const build = (properties: Readonly<Record<string, unknown>>) =>
        plumberOf(
          { src: from(1, 2), a: routing(failOdd), join: having(properties, same) },
          { src: ['join', 'a'], a: ['join', ...onError('join')] },
        )
      const error = await failureOf(() => build({}))
      expect(detailOf(error, 'issues')).toMatchObject([{ code: 'PLB_GRAPH_PORT', pointer: '/nodes/join' }])
      const { valuesOf } = await played(build({ missing: 'partial' }))
      expect(valuesOf('join')).toMatchObject([
        [1, undefined, { input: 1 }],
        [2, 2, undefined],
      ])
    }))

  test('more items fail than the fork may have open, and nothing sticks', () =>
    inVirtualTime(async () => {
      const small = having({ queueSize: 1 }, same)
      const nodes = {
        src: from(...range(500)),
        a: routing((n: number) => (n % 100 === 99 ? n : boom()), { queueSize: 1, workers: 2 }),
        b: small,
        dead: having({ queueSize: 1, fuse: false }, same),
        join: small,
      }
      const graph = { src: ['a', 'b'], a: ['join', ...onError('dead')], b: ['join'] }
      const { report, valuesOf } = await played(plumberOf(nodes, graph), LEDGER)
      expect(valuesOf('join')).toEqual([99, 199, 299, 399, 499].map((n) => [n, n]))
      expect(report.roots).toMatchObject({ delivered: 5, deadLettered: 495 })
    }))

  test('in every order of events each item has its tuple', async () => {
    await explore(
      {
        nodes: {
          in: { coro: 'std.inlet' },
          a: {
            coro: 'a',
            properties: { onError: 'route', workers: 2, timeoutMs: 20, retry: { attempts: 2, jitter: 'none' } },
          },
          mend: { coro: 'mend' },
          both: { coro: 'same', properties: { aggregateInputs: false } },
          b: { coro: 'same', properties: { workers: 2 } },
          join: { coro: 'same' },
        },
        graph: {
          in: ['a', 'b'],
          a: ['both', { to: 'mend', port: 'error' }],
          mend: ['both'],
          both: ['join'],
          b: ['join'],
        },
      },
      {
        coroMap: { a: failOdd, mend: ({ input }: Letter) => -Number(input), same },
        input: [1, 2, 3, 4],
        seeds: 200,
        check: ({ values, report }) => {
          const { completed, failed } = nodeOf(report, 'a')
          // Whatever fails is mended, whether by itself or because its time was up.
          expect(values.map((tuple) => (tuple as number[])[1])).toEqual([1, 2, 3, 4])
          for (const [mended, n] of values as [number, number][]) expect(Math.abs(mended)).toBe(n)
          expect(values.filter((tuple) => Number((tuple as number[])[0]) < 0)).toHaveLength(failed)
          expect(report.roots).toMatchObject({ delivered: completed, deadLettered: failed })
          expect(failed).toBeGreaterThanOrEqual(2)
        },
      },
    )
  })
})

describe('a join that fails', () => {
  const graph = { src: ['a', 'b'], a: ['join'], b: ['join'], join: ['out', ...onError('dead')] }
  const build = (a: Stage, join: Stage) =>
    plumberOf({ src: from(1, 2, 3), a, b: same, join, out: same, dead: same }, graph)

  test('in its coroutine routes the whole tuple', () =>
    inVirtualTime(async () => {
      const join = routing(([n]: number[]) => failOdd(Number(n)))
      const { report, valuesOf } = await played(build(same, join), LEDGER)
      expect(valuesOf('out')).toEqual([2])
      expect(valuesOf('dead')).toMatchObject([
        { error: { code: 'PLB_NODE_FAILED', node: 'join' }, input: [1, 1] },
        { error: { code: 'PLB_NODE_FAILED', node: 'join' }, input: [3, 3] },
      ])
      expect(nodeOf(report, 'join')).toMatchObject({ received: 6, completed: 2, failed: 4 })
      expect(report.roots).toMatchObject({ delivered: 1, deadLettered: 2 })
    }))

  test('because an input gave several values routes that item', () =>
    inVirtualTime(async () => {
      const { report, valuesOf } = await played(
        build((n: number) => (n === 2 ? [n, n].values() : n), routing(same)),
        LEDGER,
      )
      expect(valuesOf('out')).toEqual([
        [1, 1],
        [3, 3],
      ])
      const [letter, ...others] = valuesOf('dead') as Letter[]
      expect(others).toEqual([])
      expect(letter).toMatchObject({ error: { code: 'PLB_NODE_CARDINALITY', node: 'join' }, meta: {} })
      expect(letter?.error.message).toContain('"a"')
      expect(nodeOf(report, 'join')).toMatchObject({ received: 7, completed: 4, failed: 3 })
      expect(report.roots).toMatchObject({ delivered: 2, deadLettered: 1, errored: 0 })
    }))

  test('because an input gave nothing, with missing: "fail", routes that item', () =>
    inVirtualTime(async () => {
      const join = routing(same, { missing: 'fail' })
      const { report, valuesOf } = await played(
        build((n: number) => (n === 2 ? DROP : n), join),
        LEDGER,
      )
      expect(valuesOf('dead')).toMatchObject([{ error: { code: 'PLB_NODE_CARDINALITY', node: 'join' } }])
      expect(valuesOf('out')).toHaveLength(2)
      expect(nodeOf(report, 'join')).toMatchObject({ received: 5, completed: 4, failed: 1 })
      expect(report.roots).toMatchObject({ delivered: 2, deadLettered: 1, errored: 0, filtered: 0 })
    }))

  test('because all inputs gave nothing, one of them late, routes each item once', () =>
    inVirtualTime(async () => {
      const slow = having({ workers: 2, ordered: false }, async (n: number) => {
        if (n === 1) await sleep(20)
        return DROP
      })
      const nodes = {
        src: from(1, 2),
        a: slow,
        b: () => DROP,
        join: routing(same, { missing: 'fail' }),
        out: same,
        dead: same,
      }
      const { report, valuesOf } = await played(plumberOf(nodes, graph), LEDGER)
      expect(valuesOf('dead')).toHaveLength(2)
      expect(report.roots).toMatchObject({ deadLettered: 2, errored: 0, filtered: 0 })
    }))

  test('because of a branch that is not one-to-one, as it declared, routes the item there', () =>
    inVirtualTime(async () => {
      const one = defineCoro({ oneToOne: true, run: (n: number) => (n === 2 ? DROP : n) }) as object
      const nodes = { src: from(1, 2, 3), a: routing(one), out: same, dead: same }
      const plumber = plumberOf(nodes, { src: ['a'], a: ['out', ...onError('dead')] })
      const { report, valuesOf } = await played(plumber, LEDGER)
      expect(valuesOf('dead')).toMatchObject([{ error: { code: 'PLB_NODE_FAILED', node: 'a' }, input: 2 }])
      expect(report.errors[0]?.cause).toMatchObject({ code: 'PLB_NODE_CARDINALITY' })
      expect(valuesOf('out')).toEqual([1, 3])
    }))
})

describe('the document', () => {
  test('must say where dead letters go, and must not name a port that nothing leaves by', async () => {
    const nodes = { src: from(1), mid: failOdd, out: same, dead: same }
    for (const [mid, edges] of [
      [routing(failOdd), ['out', 'dead']],
      [failOdd, ['out', ...onError('dead')]],
      [having({ onError: 'skip' }, failOdd), ['out', ...onError('dead')]],
    ] as const) {
      const error = await failureOf(() => plumberOf({ ...nodes, mid }, { src: ['mid'], mid: edges }))
      expect(error.code).toBe('PLB_GRAPH_INVALID')
      expect(detailOf(error, 'issues')).toHaveLength(1)
    }
  })

  test('may have a coroutine that emits by port "error" itself, without onError: "route"', () =>
    inVirtualTime(async () => {
      const mid = defineCoro({
        emits: ['error'],
        run: (n: number, ctx: Context) => {
          ctx.emit('error', `no ${n}`)
          return DROP
        },
      }) as object
      const { valuesOf } = await played(line(mid, { src: from(1, 2) }))
      expect(valuesOf('dead')).toEqual(['no 1', 'no 2'])
    }))
})

test('a sink for dead letters of many nodes has them all', () =>
  inVirtualTime(async () => {
    const nodes = {
      src: from(...range(12)),
      a: routing((n: number) => (n % 3 === 1 ? boom() : n)),
      b: routing((n: number) => (n % 3 === 2 ? boom() : n)),
      out: same,
      dead: having({ aggregateInputs: false }, same),
    }
    const graph = { src: ['a'], a: ['b', ...onError('dead')], b: ['out', ...onError('dead')] }
    const { report, valuesOf } = await played(plumberOf(nodes, graph), LEDGER)
    const letters = valuesOf('dead') as Letter[]
    expect(letters.filter(({ error }) => error.node === 'a').map(inputOf)).toEqual([1, 4, 7, 10])
    expect(letters.filter(({ error }) => error.node === 'b').map(inputOf)).toEqual([2, 5, 8, 11])
    expect(valuesOf('out')).toEqual([0, 3, 6, 9])
    expect(report.roots).toMatchObject({ delivered: 4, deadLettered: 8 })
  }))
