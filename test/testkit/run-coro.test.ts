import { type Context, DROP, defineCoro, type SourceOutput } from '@pipelines/core'
import { runCoro } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'

test('a function is called for each input', async () => {
  const { values, outputs, report } = await runCoro((n: number) => (n % 2 === 0 ? n : DROP), [1, 2, 3, 4])
  expect(values).toEqual([2, 4])
  expect(outputs[0]).toEqual({ port: 'out', value: 2, meta: {} })
  expect(report.nodes.coro).toMatchObject({ received: 4, completed: 4, emitted: 2 })
})

test('it gets args, env and meta, and what it emits comes out by its port', async () => {
  const coro = (n: number, ctx: Context) => {
    ctx.emit('other', [ctx.args.by, ctx.env.by, ctx.meta.by], { meta: { more: true } })
    return n * Number(ctx.args.by)
  }
  const { outputs } = await runCoro(coro, [5], { args: { by: 3 }, env: { by: 'env' }, meta: { by: 'meta' } })
  expect(outputs).toEqual([
    { port: 'other', value: [3, 'env', 'meta'], meta: { by: 'meta', more: true } },
    { port: 'out', value: 15, meta: { by: 'meta' } },
  ])
})

test('its hooks run, and what flush gives is an output', async () => {
  const told: unknown[] = []
  const total = defineCoro({
    setup: () => ({ sum: 0 }),
    run: (n: number, { state }: Context<{ sum: number }>) => {
      state.sum += n
      return DROP
    },
    flush: ({ state }: Context<{ sum: number }>) => state.sum,
    teardown: (_ctx, reason) => told.push(reason),
  })
  expect((await runCoro(total, [1, 2, 3])).values).toEqual([6])
  expect((await runCoro(total, [])).values).toEqual([0])
  expect(told).toEqual([undefined, undefined])
})

test('a stream coroutine consumes the inputs, which may come late, and may end early', async () => {
  const firstTwo = defineCoro({
    kind: 'stream',
    run: async function* (inputs: AsyncIterable<string>) {
      let left = 2
      for await (const text of inputs) {
        yield text.toUpperCase()
        if (--left === 0) return
      }
    },
  })
  let closed = false
  async function* letters() {
    try {
      for (const letter of 'abcdefghij'.repeat(20)) yield letter
    } finally {
      closed = true
    }
  }
  expect((await runCoro(firstTwo, letters())).values).toEqual(['A', 'B'])
  expect(closed).toBe(true)
})

test('a source makes its items, whatever the inputs are', async () => {
  const count = async (output: SourceOutput, { args }: Context) => {
    for (let n = 0; n < Number(args.count); n++) await output.put(n)
  }
  expect((await runCoro(count, undefined, { args: { count: 3 } })).values).toEqual([0, 1, 2])
  expect((await runCoro(defineCoro({ kind: 'source', run: () => ['a', 'b'] }), [1, 2, 3])).values).toEqual(['a', 'b'])
})

test('args name other coroutines', async () => {
  const filter = defineCoro({
    refs: ['when'],
    run: (n: number, { args }: Context) => ((args.when as (n: number) => boolean)(n) ? n : DROP),
  })
  const isEven = (n: number) => n % 2 === 0
  expect((await runCoro(filter, [1, 2], { args: { when: 'isEven' }, coroMap: { isEven } })).values).toEqual([2])
})

test('each input has a key of its own, and is called once unless it is to be tried again', async () => {
  const calls: unknown[] = []
  const coro = (n: number, { attempt, idempotencyKey }: Context) => {
    calls.push([n, attempt, idempotencyKey])
    if (attempt < n) throw new Error('not yet')
    return n
  }
  const { values, report } = await runCoro(coro, [1, 2], { properties: { retry: { attempts: 2, minDelayMs: 0 } } })
  expect(values).toEqual([1, 2])
  const [[, , first], [, , second]] = calls as [[number, number, string], [number, number, string]]
  expect(calls).toEqual([
    [1, 1, first],
    [2, 1, second],
    [2, 2, second],
  ])
  expect(first).not.toBe(second)
  expect(report.nodes.coro).toMatchObject({ completed: 2, retried: 1 })
})

test('a coroutine for batches gets batches', async () => {
  const batches: unknown[] = []
  const coro = (batch: readonly number[], { index }: Context) => {
    batches.push([index, ...batch])
    return batch.map((n) => (n === 2 ? DROP : n))
  }
  const { values, report } = await runCoro(coro, [1, 2, 3], { properties: { batch: { size: 2 } } })
  expect(batches).toEqual([
    [0, 1, 2],
    [1, 3],
  ])
  expect(values).toEqual([1, 3])
  expect(report.nodes.coro).toMatchObject({ received: 3, completed: 3, emitted: 2 })
})

test('what it skips is in the report', async () => {
  const coro = (n: number) => {
    if (n === 2) throw new Error('not two')
    return n
  }
  const { values, report } = await runCoro(coro, [1, 2, 3], { properties: { onError: 'skip' } })
  expect(values).toEqual([1, 3])
  expect(report.errors).toMatchObject([{ code: 'PLB_NODE_FAILED', cause: { message: 'not two' } }])
})

describe('it rejects', () => {
  test('with the error that ended the run', async () => {
    const own = new Error('own')
    const failing = () => {
      throw own
    }
    await expect(runCoro(failing, [1, 2])).rejects.toMatchObject({
      code: 'PLB_NODE_FAILED',
      cause: own,
      report: { outcome: 'failed' },
    })
  })

  test('with the error of the inputs', async () => {
    const own = new Error('own')
    async function* broken() {
      yield 1
      throw own
    }
    await expect(runCoro((n: number) => n, broken())).rejects.toMatchObject({ cause: own })
  })

  test('where the args do not fit', async () => {
    const strict = defineCoro({ args: { type: 'object', required: ['by'] }, run: (n: number) => n })
    await expect(runCoro(strict, [1])).rejects.toMatchObject({ code: 'PLB_GRAPH_INVALID' })
  })

  test('where the properties do not fit, or do not fit the coroutine', async () => {
    const refused = { code: 'PLB_GRAPH_INVALID' }
    const same = (n: number) => n
    await expect(runCoro(same, [1], { properties: { workers: -1 } })).rejects.toMatchObject(refused)
    await expect(runCoro(same, undefined, { properties: { batch: { size: 2 } } })).rejects.toMatchObject(refused)
    const stream = defineCoro({ kind: 'stream', run: (inputs: AsyncIterable<number>) => inputs })
    await expect(runCoro(stream, [1], { properties: { retry: { attempts: 2 } } })).rejects.toMatchObject(refused)
  })

  test('where the meta is none', async () => {
    await expect(runCoro((n: number) => n, [1], { meta: 7 as never })).rejects.toMatchObject({
      cause: { code: 'PLB_OPTION_INVALID' },
    })
  })
})
