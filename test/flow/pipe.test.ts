import { concat, type Flow, flow } from '@pipelines/flow'
import { describe, expect, test } from 'vitest'
import { double, namesOf, negate, nodesOf, plumberOf } from './flow-support.js'

const add = (more: number) => (n: number) => n + more

describe('stages without a source', () => {
  test('go on where another flow ends, and can be used again', async () => {
    const doubled = flow<number>().map(double)
    expect(await flow([1]).pipe(doubled).toArray()).toEqual([2])
    expect(await flow([5]).pipe(doubled).pipe(doubled).toArray()).toEqual([20])
    expect(await doubled.toArray([7])).toEqual([14])
  })

  test('join with others without a source to one that waits for it', async () => {
    const both = flow<number>().map(double).pipe(flow<number>().map(negate))
    expect(namesOf(both)).toEqual(['in', 'double', 'negate'])
    expect(await both.toArray([1])).toEqual([-2])
    expect(await flow([3]).pipe(both).toArray()).toEqual([-6])
  })

  test('join with themselves', async () => {
    const doubled = flow<number>().map(double)
    expect(await doubled.pipe(doubled).pipe(doubled).toArray([1])).toEqual([8])
  })

  test('of which there are none give what they get', async () => {
    const none = flow<number>()
    expect(await flow([1]).pipe(none).toArray()).toEqual([1])
    expect(await none.pipe(flow<number>().map(double)).toArray([1])).toEqual([2])
    expect(await none.toArray([1])).toEqual([1])
  })

  test('keep what lies on several ways between their ends', async () => {
    const begin = flow<number>().map(add(1))
    const diamond = concat([begin.map(double), begin.map(negate)])
    expect((await flow([1]).pipe(diamond).toArray()).sort()).toEqual([-2, 4])
    expect((await diamond.toArray([2])).sort()).toEqual([-3, 6])
    expect(namesOf(flow([1]).pipe(diamond))).toEqual(['from', 'map', 'double', 'negate', 'concat'])
  })

  test('run once where several others follow', async () => {
    let calls = 0
    const begin = flow<number>().tee(() => calls++)
    const diamond = concat([begin.map(double), begin.map(negate), begin])
    expect(await flow([1]).pipe(diamond).toArray()).toHaveLength(3)
    expect(calls).toBe(1)
  })

  test('several times in one diamond are several stages', async () => {
    const doubled = flow<number>().map(double)
    const one = flow([1])
    const both = concat([one.pipe(doubled), one.pipe(doubled).pipe(doubled)])
    expect((await both.toArray()).sort()).toEqual([2, 4])
  })

  test('may have sources beside', async () => {
    const more = flow<number>().concat(flow([100]) as unknown as Flow<number, number>)
    expect((await flow([1]).pipe(more).toArray()).sort()).toEqual([1, 100])
  })

  test('hold nothing back of the flow that they are joined to', async () => {
    const source = flow([1, 2])
    source.pipe(flow<number>().map(double))
    expect(await source.toArray()).toEqual([1, 2])
  })
})

describe('several flows without a source, put together', () => {
  const both = concat([flow<number>().map(double), flow<number>().map(negate)])

  test('have one inlet, and all get what comes in', async () => {
    expect(Object.values(nodesOf(both)).filter(({ coro }) => coro === 'std.inlet')).toHaveLength(1)
    expect((await both.toArray([1, 2])).sort((a, b) => a - b)).toEqual([-2, -1, 2, 4])
  })

  test('go on where another flow ends', async () => {
    expect((await flow([3]).pipe(both).toArray()).sort()).toEqual([-3, 6])
  })

  test('share what they shared before', async () => {
    let calls = 0
    const begin = flow<number>().tee(() => calls++)
    const three = concat([flow<number>(), begin.map(double), begin.map(negate)])
    expect((await three.toArray([1])).sort()).toEqual([-1, 1, 2])
    expect(calls).toBe(1)
  })
})

describe('a function in the place of stages', () => {
  test('gets the flow, and its result is the result', async () => {
    const source = flow([1])
    expect(source.pipe((given) => given === source)).toBe(true)
    expect(await source.pipe((given) => given.map(double).toArray())).toEqual([2])
  })
})

test('a diamond without a source answers requests', async () => {
  const begin = flow<number>().map(add(1))
  const diamond = concat([begin.map(double), begin.map(negate)])
  await using pipeline = plumberOf(diamond.toBlueprint()).createPipeline()
  expect(((await pipeline.processAll(1)) as number[]).sort()).toEqual([-2, 4])
})

describe('very long flows', () => {
  const same = (n: number): number => n

  test('of 20,000 stages become graphs', () => {
    let long = flow([1])
    for (let stage = 0; stage < 20_000; stage++) long = long.map(same)
    expect(Object.keys(long.toBlueprint().graph.nodes)).toHaveLength(20_001)
  })

  test('of 20,000 stages without a source can be joined', () => {
    let long = flow<number>()
    for (let stage = 0; stage < 20_000; stage++) long = long.map(same)
    const { nodes } = flow([1]).pipe(long).toBlueprint().graph
    expect(Object.keys(nodes)).toHaveLength(20_001)
    expect(nodes['from']).toBeDefined()
  })

  test('run as far as the limits of a graph allow', async () => {
    let long = flow([1])
    for (let stage = 0; stage < 300; stage++) long = long.map(same)
    const limit = { limits: { nodes: 300 } }
    await expect(long.run(undefined, limit)).rejects.toMatchObject({
      details: { issues: [{ code: 'PLB_GRAPH_LIMIT' }] },
    })
    expect(await long.toArray()).toEqual([1])
  })

  test('that are put in order again and again take no longer for it', () => {
    let long = flow([1], { elementIndex: true })
    for (let stage = 0; stage < 5_000; stage++) long = long.flatMap((n) => [n]).ordered()
    expect(Object.keys(long.toBlueprint().graph.nodes)).toHaveLength(5_001)
  })
})
