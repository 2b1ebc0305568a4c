import { setTimeout as sleep } from 'node:timers/promises'
import { isPipelineError, type Snapshot } from '@pipelines/core'
import { type Rates, rates } from '@pipelines/observe'
import { Plumber } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { edge, node, snapshot } from './snapshots.js'

/** The message of the error that two snapshots give; fails unless it is about the option `after`. */
function refusal(before: Snapshot, after: Snapshot): string {
  try {
    rates(before, after)
  } catch (error) {
    if (isPipelineError(error) && error.code === 'PLB_OPTION_INVALID') return error.message
    throw error
  }
  throw new Error('nothing was refused')
}

describe('the rates between two snapshots', () => {
  test('are the counts of a node between them, by the seconds between them', () => {
    const before = snapshot({ durationMs: 1000, nodes: { a: node({ received: 10, completed: 8, failed: 1 }) } })
    const after = snapshot({
      durationMs: 3000,
      nodes: { a: node({ received: 30, completed: 24, failed: 5, emitted: 6, retried: 2, dropped: 10, late: 4 }) },
    })
    expect(rates(before, after)).toMatchObject({ seconds: 2, edges: [] })
    expect(rates(before, after).nodes.a).toEqual({
      receivedPerSecond: 10,
      completedPerSecond: 8,
      failedPerSecond: 2,
      unprocessedPerSecond: 0,
      emittedPerSecond: 3,
      droppedPerSecond: 5,
      retriedPerSecond: 1,
      latePerSecond: 2,
      busyWorkers: 0,
      inProgress: 0,
    })
  })

  test('tell how many workers were busy on average, and what is in progress at the later one', () => {
    const before = snapshot({ nodes: { a: node({ busyMs: 500, inProgress: 7 }) } })
    const after = snapshot({ durationMs: 2000, nodes: { a: node({ busyMs: 6500, inProgress: 3 }) } })
    expect(rates(before, after).nodes.a).toMatchObject({ busyWorkers: 3, inProgress: 3 })
  })

  test('tell of an edge what was taken, how often its producer waited, and how full it is', () => {
    const before = snapshot({ edges: [edge('a → b', { entered: 4, left: 4, waits: 1, oldestMs: 9 })] })
    const full = edge('a → b', { entered: 36, left: 20, waits: 3, depth: 16, oldestMs: 250 })
    expect(rates(before, snapshot({ durationMs: 4000, edges: [full] })).edges).toEqual([
      { from: 'a', port: 'out', to: 'b', perSecond: 4, waitsPerSecond: 0.5, fill: 0.25, oldestMs: 250 },
    ])
  })

  test('are all zero where no time has passed', () => {
    const before = snapshot({ edges: [edge('a → b')], nodes: { a: node() } })
    const after = snapshot({
      edges: [edge('a → b', { left: 5, waits: 1 })],
      nodes: { a: node({ received: 9, busyMs: 1 }) },
    })
    const { seconds, nodes, edges } = rates(before, after)
    expect([seconds, nodes.a?.receivedPerSecond, nodes.a?.busyWorkers]).toEqual([0, 0, 0])
    expect(edges[0]).toMatchObject({ perSecond: 0, waitsPerSecond: 0 })
  })

  test('are those of a pipeline that runs', async () => {
    const opened = gate()
    const nodes = { jobs: { coro: 'std.inlet' }, work: { coro: () => opened.opened, properties: { queueSize: 4 } } }
    const pipeline = new Plumber({ nodes, graph: { jobs: ['work'] } }).createPipeline()
    const before = pipeline.snapshot()
    for (let job = 0; job < 3; job++) await pipeline.put(job)
    await sleep(2)
    const { seconds, nodes: found, edges } = rates(before, pipeline.snapshot())
    expect(found.jobs?.receivedPerSecond).toBeCloseTo(3 / seconds)
    expect(found.work?.inProgress).toBe(1)
    expect(edges[0]).toMatchObject({ from: 'jobs', to: 'work', fill: 0.5 })
    opened.open()
    await pipeline.drain()
  })
})

test('the rates between all the snapshots of a run add up to its report', async () => {
  const pass = async (n: unknown): Promise<unknown> => n
  const odd = (n: number): number => {
    if (n % 2 === 1) throw new RangeError('odd')
    return n
  }
  const nodes = {
    in: { coro: 'std.inlet' },
    slow: { coro: pass, properties: { workers: 3, queueSize: 2 } },
    odd: { coro: odd, properties: { onError: 'skip' } },
    both: { coro: pass },
  } as const
  const graph = { in: ['slow', 'odd'], slow: ['both'], odd: ['both'] }
  const pipeline = new Plumber({ nodes, graph }).createPipeline()
  const shots = [pipeline.snapshot()]
  for (let n = 0; n < 100; n++) {
    await pipeline.put(n)
    shots.push(pipeline.snapshot())
  }
  const report = await pipeline.drain()
  shots.push(pipeline.snapshot())
  const between = shots.slice(1).map((shot, place) => rates(shots[place] ?? shot, shot))
  const total = (rate: (found: Rates) => number | undefined): number =>
    Math.round(between.reduce((sum, found) => sum + (rate(found) ?? Number.NaN) * found.seconds, 0))
  expect(total(({ nodes }) => nodes.odd?.failedPerSecond)).toBe(50)
  expect(total(({ nodes }) => nodes.both?.receivedPerSecond)).toBe(report.nodes.both?.received)
  expect(total(({ edges }) => edges[0]?.perSecond)).toBe(report.edges[0]?.left)
})

describe('two snapshots are refused', () => {
  const later = { durationMs: 1000 }

  test.each([
    [
      'a node is new',
      snapshot({ nodes: { a: node() } }),
      snapshot({ ...later, nodes: { a: node(), b: node() } }),
      '"b"',
    ],
    [
      'a node is gone',
      snapshot({ nodes: { a: node(), b: node() } }),
      snapshot({ ...later, nodes: { a: node() } }),
      '"b"',
    ],
    [
      'a node has the name of a built-in property',
      snapshot({ nodes: { a: node() } }),
      snapshot({ ...later, nodes: { a: node(), toString: node() } }),
      '"toString"',
    ],
  ])('where %s', (_why, before, after, name) => {
    expect(refusal(before, after)).toBe(
      `Option "after" is of another graph than "before": node ${name} is in one of them only. ` +
        'Give two snapshots of one pipeline, the earlier one first.',
    )
  })

  test.each([
    ['new', [], [edge('a → b')]],
    ['gone', [edge('a → b')], []],
    ['another one', [edge('a → b', { port: 'error' })], [edge('a → b')]],
  ])('where an edge is %s', (_what, before, after) => {
    const nodes = { a: node(), b: node() }
    expect(refusal(snapshot({ nodes, edges: before }), snapshot({ ...later, nodes, edges: after }))).toMatch(
      /is of another graph than "before": the edge from "a" \(port "\w+"\) to "b"/,
    )
  })

  test.each([
    ['the time', snapshot(later), snapshot(), 'time'],
    [
      'a count of a node',
      snapshot({ nodes: { a: node({ failed: 2 }) } }),
      snapshot({ ...later, nodes: { a: node() } }),
      '"failed" of node "a"',
    ],
    [
      'a count of an edge',
      snapshot({ edges: [edge('a → b', { waits: 1 })] }),
      snapshot({ ...later, edges: [edge('a → b')] }),
      '"waits" of the edge from "a" (port "out") to "b"',
    ],
  ])('where %s went down', (_what, before, after, what) => {
    expect(refusal(before, after)).toContain(`is no later state of the run of "before": ${what} went down. Give two`)
  })
})

describe('whatever was counted', () => {
  const counts = fc.nat({ max: 2 ** 52 })
  const ms = fc.double({ min: 0, max: 1e12, noNaN: true })
  const nodeOf = fc.record({ received: counts, completed: counts, failed: counts, busyMs: ms, inProgress: counts })
  const edgeOf = fc.record({ left: counts, waits: counts, depth: counts, capacity: counts, oldestMs: ms })
  const run = fc.record({ durationMs: ms, node: nodeOf, edge: edgeOf })

  /** Every number in a value, however deep. */
  const numbers = (value: unknown): number[] => {
    if (typeof value === 'number') return [value]
    return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbers) : []
  }
  const add = <T extends Record<string, number>>(a: T, b: T): Record<string, number> =>
    Object.fromEntries(Object.entries(a).map(([name, value]) => [name, value + (b[name] ?? 0)]))
  const seen = (durationMs: number, counted: object, carried: object): Snapshot =>
    snapshot({ durationMs, nodes: { a: node(counted) }, edges: [edge('a → b', carried)] })

  test('no rate is negative or not finite, and no edge is more than full', () => {
    fc.assert(
      fc.property(run, run, (first, more) => {
        const before = seen(first.durationMs, first.node, first.edge)
        const after = seen(first.durationMs + more.durationMs, add(first.node, more.node), add(first.edge, more.edge))
        const found = rates(before, after)
        expect(numbers(found).filter((number) => !(number >= 0 && Number.isFinite(number)))).toEqual([])
        expect(found.edges[0]?.fill).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('the rates of two stretches of time add up to the rate of both', () => {
    const much = fc.record({ durationMs: fc.integer({ min: 1, max: 1e6 }), received: fc.nat(1e6) })
    fc.assert(
      fc.property(much, much, (one, two) => {
        const at = (ms: number, received: number): Snapshot =>
          snapshot({ durationMs: ms, nodes: { a: node({ received }) } })
        const shots = [at(0, 0), at(one.durationMs, one.received)] as const
        const last = at(one.durationMs + two.durationMs, one.received + two.received)
        const items = (before: Snapshot, after: Snapshot): number => {
          const { seconds, nodes } = rates(before, after)
          return seconds * (nodes.a?.receivedPerSecond ?? Number.NaN)
        }
        expect(items(shots[0], shots[1]) + items(shots[1], last)).toBeCloseTo(items(shots[0], last), 3)
      }),
    )
  })
})
