import { flow } from '@pipelines/flow'
import type { Pipeline } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { settlesSoon, turns, until } from '../support/turns.js'
import { all, double, Endless, first, isLarge, plumberOf } from './flow-support.js'

describe('a flow without a source', () => {
  const doubled = flow<number>().map(double).filter(isLarge)

  test('runs on what its runs are given', async () => {
    expect(await doubled.toArray([1, 2, 3])).toEqual([4, 6])
    expect(await doubled.toArray(new Set([5]))).toEqual([10])
    expect((await doubled.run([1])).nodes['isLarge']).toMatchObject({ received: 1, emitted: 0 })
  })

  test('gives its items one by one', async () => {
    expect(await all(doubled.toIterable({}, [1, 2, 3]))).toEqual([4, 6])
  })

  test('closes what it is given when the loop is left early', async () => {
    const items = new Endless()
    expect(await first(2, doubled.toIterable({}, items))).toEqual([4, 6])
    expect(items).toMatchObject({ begun: 1, returned: 1 })
  })

  test('says what is missing where it is given nothing', async () => {
    const given = [] as unknown as Parameters<typeof doubled.run> // what a program without types may do
    await expect(doubled.run(...given)).rejects.toMatchObject({ code: 'PLB_OPTION_INVALID' })
    await expect(all(doubled)).rejects.toMatchObject({ message: expect.stringContaining('inlet') })
  })

  test('is an inlet that requests go through', async () => {
    await using pipeline = plumberOf(doubled.toBlueprint()).createPipeline()
    expect(await pipeline.process(2)).toBe(4)
    expect(await pipeline.processAll(1)).toEqual([])
  })
})

test('a flow with a source takes no input', async () => {
  const given = [[5]] as unknown as [] // what a program without types may do
  await expect(flow([1]).run(...given)).rejects.toMatchObject({ code: 'PLB_OPTION_INVALID' })
})

describe('options of a run', () => {
  test('a signal that aborts dooms it', async () => {
    const stop = new AbortController()
    const run = flow(new Endless())
      .each((n) => n === 3 && stop.abort())
      .run(undefined, { signal: stop.signal })
    await expect(run).rejects.toMatchObject({ code: 'PLB_RUN_DOOMED', name: 'AbortError' })
  })

  test('env is there for every function', async () => {
    const withEnv = flow([1]).map((n, { env }) => n + Number(env['more']))
    expect(await withEnv.toArray(undefined, { env: { more: 4 } })).toEqual([5])
  })

  test('onOutput is given what comes out', async () => {
    const seen: unknown[] = []
    await flow([1, 2]).run(undefined, { onOutput: ({ value }) => void seen.push(value) })
    expect(seen).toEqual([1, 2])
  })

  test('onOutput is refused where items are given back', async () => {
    const options = { onOutput: () => {} } as object
    await expect(flow([1]).toArray(undefined, options)).rejects.toMatchObject({ code: 'PLB_OPTION_INVALID' })
    await expect(all(flow([1]).toIterable(options))).rejects.toMatchObject({ code: 'PLB_OPTION_INVALID' })
  })

  test('onStart is told of the pipeline', async () => {
    const started: Pipeline[] = []
    const items = all(flow(new Endless()).toIterable({ onStart: (pipeline) => void started.push(pipeline) }))
    const failed = expect(items).rejects.toMatchObject({ code: 'PLB_RUN_DOOMED' })
    await until(() => started.length > 0)
    const [pipeline] = started
    expect(pipeline?.state).toBe('running')
    await pipeline?.doomsday('enough')
    await failed
  })

  test('onStart that throws ends the run with its error', async () => {
    const items = new Endless()
    const onStart = (): never => {
      throw new RangeError('mine')
    }
    await expect(flow(items).run(undefined, { onStart })).rejects.toThrow('mine')
    const { read } = items
    await turns()
    expect(items.read).toBe(read)
  })

  test('limits are those of a Plumber', async () => {
    const run = flow([1])
      .map(double)
      .run(undefined, { limits: { nodes: 1 } })
    await expect(run).rejects.toMatchObject({ details: { issues: [{ code: 'PLB_GRAPH_LIMIT' }] } })
  })

  test('the ledger is kept where it is asked for', async () => {
    const report = await flow([1, 2, 3]).filter(isLarge).map(double).run(undefined, { ledger: true })
    expect(report.roots).toMatchObject({ delivered: 1, filtered: 2 })
  })
})

describe('items taken one by one', () => {
  test('nothing runs before the first is asked for', async () => {
    const items = new Endless()
    const iterable = flow(items).toIterable()
    await turns()
    expect(items.begun).toBe(0)
    await iterable.return()
    expect(items.begun).toBe(0)
  })

  test('an error comes after the items before it', async () => {
    const iterable = flow([1, 2])
      .map((n) => {
        if (n === 2) throw new RangeError('no')
        return n
      })
      .toIterable()
    expect(await iterable.next()).toEqual({ done: false, value: 1 })
    await expect(iterable.next()).rejects.toMatchObject({ cause: { name: 'RangeError' } })
    expect(await iterable.next()).toEqual({ done: true, value: undefined })
  })

  test('an error before it could begin comes once, too', async () => {
    const iterable = flow([1])
      .map(double, { worker: 2 } as object)
      .toIterable()
    await expect(iterable.next()).rejects.toMatchObject({ code: 'PLB_GRAPH_INVALID' })
    expect(await iterable.next()).toEqual({ done: true, value: undefined })
    expect(await iterable.return()).toEqual({ done: true, value: undefined })
  })

  test('several that are asked for at once come in order', async () => {
    const iterable = flow([1, 2]).toIterable()
    const steps = await Promise.all([iterable.next(), iterable.next(), iterable.next()])
    expect(steps.map(({ value }) => value)).toEqual([1, 2, undefined])
  })

  test('an error that is thrown into it ends the run well', async () => {
    const items = new Endless()
    const iterable = flow(items).toIterable()
    await iterable.next()
    await expect(iterable.throw(new RangeError('mine'))).rejects.toThrow('mine')
    expect(items.returned).toBe(1)
  })

  test('an error of the loop ends the run well, and is what the caller gets', async () => {
    const items = new Endless()
    const loop = async (): Promise<void> => {
      for await (const _ of flow(items)) throw new RangeError('mine')
    }
    await expect(loop()).rejects.toThrow(RangeError)
    expect(items.returned).toBe(1)
  })

  test('leaving the loop waits for what runs, and lets a function know', async () => {
    const [working, told] = [gate(), gate()]
    const items = flow([1, 2, 3])
      .map(async (n, { signal }) => {
        if (n === 1) return n
        signal.addEventListener('abort', () => told.open(), { once: true })
        working.open()
        await told.opened
        return n
      })
      .toIterable()
    await items.next()
    await working.opened
    await items.return()
    expect(told.isOpen).toBe(true)
  })

  test('leaving while the next item is awaited ends both at once', async () => {
    const [working, told] = [gate(), gate()]
    const items = flow([1])
      .map(async (_, { signal }) => {
        signal.addEventListener('abort', () => told.open(), { once: true })
        working.open()
        await told.opened
      })
      .toIterable()
    const next = items.next()
    await working.opened
    const soon = await settlesSoon(items.return())
    told.open()
    await next
    expect(soon).toBe(true)
  })

  test('a place tells the position in the source, and one number more for each flatMap', async () => {
    const parts = flow(['ab', 'c']).flatMap((text) => [...text])
    expect(await all(parts.toIterable({ returnIndex: true }))).toEqual([
      { index: [0, 0], value: 'a' },
      { index: [0, 1], value: 'b' },
      { index: [1, 0], value: 'c' },
    ])
  })

  test('without an end the items may be taken by several loops, one after the other', async () => {
    const iterable = flow([1, 2, 3]).toIterable()
    expect((await iterable.next()).value).toBe(1)
    expect(await all(iterable)).toEqual([2, 3])
  })

  test('two loops over one flow are two runs', async () => {
    const items = flow(new Endless())
    expect(await Promise.all([first(2, items), first(3, items)])).toEqual([
      [0, 1],
      [0, 1, 2],
    ])
  })
})

describe('maxSize', () => {
  /** How many calls there are when one item has been taken, and everything that can move has done so. */
  async function callsWith(maxSize: number | undefined): Promise<number> {
    let calls = 0
    const items = flow(new Endless())
      .tee(() => calls++)
      .toIterable({ maxSize })
    await items.next()
    await turns()
    await items.return()
    return calls
  }

  test.each([1, 2, 3, 10])(
    '%i items wait to be taken: beside them one was taken, and one is in hand',
    async (maxSize) => {
      expect(await callsWith(maxSize)).toBe(maxSize + 2)
    },
  )

  test('changes nothing of what comes out', async () => {
    expect(await all(flow([1, 2, 3]).map(double).toIterable({ maxSize: 1 }))).toEqual([2, 4, 6])
  })

  test.each([0, -1, 1.5])('%o is refused', async (maxSize) => {
    await expect(all(flow([1]).toIterable({ maxSize }))).rejects.toHaveProperty('code')
  })
})
