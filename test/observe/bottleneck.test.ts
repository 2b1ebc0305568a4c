import type { EdgeSnapshot } from '@pipelines/core'
import { bottleneck } from '@pipelines/observe'
import { Plumber } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { edge } from './snapshots.js'

/** Edges as `a → b: 40`, where 40 of the 64 places are taken. */
const edges = (...texts: string[]): EdgeSnapshot[] =>
  texts.map((text) => {
    const [ends = '', depth] = text.split(': ')
    return edge(ends, { depth: Number(depth ?? 0) })
  })
const blamed = (...texts: string[]): string | undefined => bottleneck({ edges: edges(...texts) })

describe('the bottleneck', () => {
  test('is the last of those that wait for each other', () => {
    expect(blamed('a → b: 64', 'b → c: 64', 'c → d: 2')).toBe('c')
  })

  test('is nobody where no edge is a quarter full', () => {
    expect(blamed('a → b: 15', 'b → c: 15')).toBeUndefined()
    expect(blamed('a → b: 16', 'b → c: 15')).toBe('b')
  })

  test('is nobody where there are no edges', () => {
    expect(blamed()).toBeUndefined()
  })

  test('is the one with the most in front of it, of several', () => {
    expect(blamed('a → b: 20', 'a → c: 40', 'a → d: 30')).toBe('c')
  })

  test('is no node that waits for one of its inputs', () => {
    expect(blamed('a → zip: 64', 'b → zip: 0', 'c → b: 20')).toBe('b')
    expect(blamed('a → zip: 64', 'b → zip: 0')).toBeUndefined()
  })

  test('is no node whose outputs meet again, because it may wait for the join behind it', () => {
    expect(blamed('in → fork: 64', 'fork → a', 'fork → b: 31', 'a → join', 'b → join')).toBe('b')
    expect(blamed('in → fork: 64', 'fork → a', 'a → deep', 'deep → join', 'fork → join', 'join → out')).toBeUndefined()
  })

  test('may be a node whose outputs stay apart, also if those of a node behind it meet again', () => {
    expect(blamed('in → fork: 64', 'fork → a', 'fork → b', 'a → end', 'b → stop')).toBe('fork')
    expect(blamed('in → fork: 64', 'fork → a', 'fork → b', 'b → x', 'b → y', 'x → z', 'y → z')).toBe('fork')
  })

  test('is found on a chain of 10,000 nodes', () => {
    const chain = Array.from({ length: 10_000 }, (_, n) => edge(`n${n} → n${n + 1}`, { depth: n < 7000 ? 64 : 0 }))
    expect(bottleneck({ edges: chain })).toBe('n7000')
  })
})

describe('in a pipeline that runs, the bottleneck', () => {
  const pass = (n: unknown): unknown => n
  const properties = { queueSize: 8, fuse: false } as const

  /** A pipeline whose node `slow` is shut, fed until nothing more goes in. */
  async function jammed(names: readonly string[], graph: Record<string, string[]>) {
    const opened = gate()
    const nodes = Object.fromEntries(
      names.map((name) => [name, { coro: name === 'slow' ? 'slow' : 'pass', properties }]),
    )
    const coroMap = { pass, slow: () => opened.opened }
    const pipeline = new Plumber(
      { nodes: { in: { coro: 'std.inlet' }, ...nodes }, graph },
      { coroMap },
    ).createPipeline()
    onTestFinished(async () => {
      opened.open()
      await pipeline.doomsday()
    })
    // Far more than all queues hold; the rest waits to be put.
    for (let n = 0; n < 500; n++) pipeline.put(n).catch(() => undefined)
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    return pipeline.snapshot()
  }

  test('is the node that is stuck, and not those in front of it', async () => {
    const shot = await jammed(['a', 'slow', 'b'], { in: ['a'], a: ['slow'], slow: ['b'] })
    expect(bottleneck(shot)).toBe('slow')
  })

  test('is the branch that is stuck, and not the fork that waits for the join', async () => {
    const graph = { in: ['fork'], fork: ['a', 'slow'], a: ['join'], slow: ['join'] }
    expect(bottleneck(await jammed(['fork', 'a', 'slow', 'join'], graph))).toBe('slow')
  })

  test('is not known where the join itself is stuck, and the fork is not blamed for it', async () => {
    const graph = { in: ['fork'], fork: ['a', 'b'], a: ['slow'], b: ['slow'] }
    const shot = await jammed(['fork', 'a', 'b', 'slow'], graph)
    expect(shot.edges.find(({ to }) => to === 'fork')).toMatchObject({ depth: 8, capacity: 8 })
    expect(bottleneck(shot)).toBeUndefined()
  })
})

describe('whatever the graph,', () => {
  const depths = fc.nat({ max: 64 })

  test('on a tree somebody is named exactly if an edge is a quarter full', () => {
    const tree = fc.array(fc.tuple(fc.nat(), depths), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(tree, (nodes) => {
        const all = nodes.map(([parent, depth], n) => edge(`n${parent % (n + 1)} → n${n + 1}`, { depth }))
        expect(bottleneck({ edges: all }) !== undefined).toBe(all.some(({ depth }) => depth >= 16))
      }),
    )
  })

  test('who is named has every edge in front of it a quarter full, and none behind it', () => {
    const ends = fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 9 }), depths)
    fc.assert(
      fc.property(fc.array(ends, { maxLength: 30 }), (list) => {
        const all = list.map(([from, step, depth]) => edge(`n${from} → n${from + step}`, { depth }))
        const named = bottleneck({ edges: all })
        if (named === undefined) return
        for (const { from, to, depth } of all) {
          if (to === named) expect(depth).toBeGreaterThanOrEqual(16)
          if (from === named) expect(depth).toBeLessThan(16)
        }
      }),
    )
  })
})
