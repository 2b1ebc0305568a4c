import type { Context } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import {
  chain,
  edgeOf,
  endless,
  from,
  having,
  nodeOf,
  plumberOf,
  problemsOf,
  range,
  same,
  textOf,
  turns,
  unfused,
  until,
} from '../../support/blackbox.js'
import { expectBalancedBooks } from '../../support/books.js'

const nodes = { inp: { coro: 'same' }, out: { coro: 'same' } }

test.each([
  ['two names', ['out', 'out']],
  ['a name and an object', ['out', { to: 'out' }]],
  [
    'two objects',
    [
      { to: 'out', port: 'out' },
      { to: 'out', queueSize: 2 },
    ],
  ],
])('P-12 a duplicate edge written as %s is an issue', (_how, successors) => {
  const problems = problemsOf({ nodes, graph: { inp: successors } }, { same })
  expect(problems).toEqual([expect.objectContaining({ code: 'PLB_GRAPH_DUPLICATE_EDGE', pointer: '/graph/inp/1' })])
  expect(problems.map(textOf).join()).toMatch(/"inp".*"out"/)
})

test('P-13 every result goes to each successor, by reference', async () => {
  const value = { id: 7 }
  const seen: unknown[] = []
  const note = (given: unknown) => void seen.push(given)
  await plumberOf({ src: from(value), a: note, b: note, c: note }, { src: ['a', 'b', 'c'] }).run()
  expect(seen).toHaveLength(3)
  for (const given of seen) expect(given).toBe(value)
})

test('P-13 the next output waits until every successor has accepted this one', async () => {
  const open = gate()
  const fast: number[] = []
  const stages = {
    src: unfused(from(...range(10))),
    slow: unfused(() => open.opened, { queueSize: 1 }),
    fast: unfused((n: number) => void fast.push(n)),
  }
  const pipeline = plumberOf(stages, { src: ['slow', 'fast'] }).createPipeline()
  await turns()
  // One in hand and one in the queue of "slow"; the third was offered to both, and "fast" had room.
  expect(fast).toEqual([0, 1, 2])
  open.open()
  expectBalancedBooks(await pipeline.settled, [])
  expect(fast).toEqual(range(10))
})

test('P-14 args have their own object, whatever their names are', async () => {
  const args = { name: 'x', queue_size: 1, queueSize: 2, coro: 'y', workers: 9, self: null, nested: { list: [1] } }
  const plumber = chain({ src: from(1), out: { coro: (_: number, ctx: Context) => ctx.args, args } })
  expect(await plumber.collect()).toEqual([args])
})

test('P-14 args bound no queue and add no worker', async () => {
  const open = gate()
  const wait = {
    coro: () => open.opened,
    args: { queue_size: 1, queueSize: 1, workers: 5 },
    properties: { fuse: false },
  }
  const pipeline = chain({ src: unfused(from(...range(10))), out: wait }).createPipeline()
  await until(() => edgeOf(pipeline.snapshot(), 'src', 'out').depth === 9)
  expect(nodeOf(pipeline.snapshot(), 'out').inProgress).toBe(1)
  expect(edgeOf(pipeline.snapshot(), 'src', 'out').capacity).toBe(64)
  open.open()
  await pipeline.settled
})

test('P-14 queueSize and workers are properties of a node', async () => {
  const open = gate()
  const wait = unfused(() => open.opened, { queueSize: 3, workers: 2 })
  const pipeline = chain({ src: unfused(from(...range(10))), out: wait }).createPipeline()
  await until(() => edgeOf(pipeline.snapshot(), 'src', 'out').depth === 3)
  expect(nodeOf(pipeline.snapshot(), 'out').inProgress).toBe(2)
  expect(edgeOf(pipeline.snapshot(), 'src', 'out').capacity).toBe(3)
  open.open()
  await pipeline.settled
})

test('P-14 one edge can have a bound of its own', async () => {
  const open = gate()
  const plumber = plumberOf(
    { src: unfused(from(...range(10))), out: unfused(() => open.opened) },
    { src: [{ to: 'out', queueSize: 2 }] },
  )
  const pipeline = plumber.createPipeline()
  await until(() => edgeOf(pipeline.snapshot(), 'src', 'out').depth === 2)
  expect(edgeOf(pipeline.snapshot(), 'src', 'out').capacity).toBe(2)
  open.open()
  await pipeline.settled
})

test('P-15 an edge holds 64 items unless its node says otherwise', async () => {
  const numbers = endless()
  const pipeline = chain({ src: unfused(numbers.source), out: unfused(() => gate().opened) }).createPipeline({
    graceMs: 1,
  })
  await until(() => edgeOf(pipeline.snapshot(), 'src', 'out').depth === 64)
  await turns()
  expect(edgeOf(pipeline.snapshot(), 'src', 'out')).toMatchObject({ entered: 65, left: 1, depth: 64, capacity: 64 })
  await pipeline.doomsday()
})

test('P-15 a blocked source has emitted exactly what the edges and hands along the path hold', async () => {
  const open = gate()
  const numbers = endless()
  const blocked = async (n: number) => {
    await open.opened
    return n
  }
  const stages = {
    src: unfused(numbers.source),
    mid: unfused(same, { queueSize: 2 }),
    out: unfused(blocked, { queueSize: 3 }),
  }
  const pipeline = chain(stages).createPipeline()
  const held = 2 + 1 + 3 + 1
  await until(() => edgeOf(pipeline.snapshot(), 'src', 'mid').entered === held)
  await turns()
  expect(nodeOf(pipeline.snapshot(), 'src').emitted).toBe(held)
  expect(numbers.read - held).toBeLessThanOrEqual(1)
  open.open()
  const report = await pipeline.drain()
  expect(report.outcome).toBe('completed')
  expectBalancedBooks(report, [])
})

test('P-15 the bound reaches through joins to the source', async () => {
  const numbers = endless()
  const tight = { queueSize: 2, fuse: false }
  const pipeline = plumberOf(
    {
      src: unfused(numbers.source),
      a: having(tight, same),
      b: having(tight, same),
      join: having(tight, () => gate().opened),
    },
    { src: ['a', 'b'], a: ['join'], b: ['join'] },
  ).createPipeline({ graceMs: 1 })
  await turns(100)
  const read = numbers.read
  await turns(100)
  expect(numbers.read).toBe(read)
  expect(read).toBeLessThan(100)
  expectBalancedBooks(await pipeline.doomsday(), [])
})
