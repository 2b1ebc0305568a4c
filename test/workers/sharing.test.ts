import { moduleCoros, Plumber } from '@pipelines/plumber'
import { expect, test } from 'vitest'
import { range, until } from '../support/blackbox.js'
import { ended, inThreadsAndProcesses, lineOf } from './worker-lines.js'

const file = 'odd.mjs'

inThreadsAndProcesses('an executor', (make) => {
  test('serves several runs of one Plumber at once', async () => {
    const plumber = await lineOf(make(), file, { src: () => range(100), a: { coro: 'same', workers: 2 } })
    const runs = await Promise.all([1, 2, 3].map(() => ended(plumber)))
    expect(runs.map(({ values }) => values)).toEqual(Array(3).fill(range(100)))
  })

  test('serves several Plumbers, of different modules', async () => {
    const executor = make()
    const one = await lineOf(executor, file, { src: () => [1], a: 'same' })
    const other = await lineOf(executor, 'values.mjs', { src: () => [1], a: 'instance' })
    const [first, second] = await Promise.all([ended(one), ended(other)])
    expect([first.values, second.values, (await ended(one)).values]).toEqual([[1], [{ x: 2 }], [1]])
  })

  test('uses a worker again', async () => {
    const plumber = await lineOf(make(), file, { src: () => [1], a: 'where' })
    const [first, second] = [await ended(plumber), await ended(plumber)]
    expect(first.values).toEqual(second.values)
  })

  test('with idleMs 0 uses no worker again', async () => {
    const plumber = await lineOf(make({ idleMs: 0 }), file, { src: () => [1], a: 'where' })
    const [first, second] = [await ended(plumber), await ended(plumber)]
    expect(first.values).not.toEqual(second.values)
  })

  test('uses a worker again for the same node only, where nodes do not share', async () => {
    const executor = make({ share: 'node' })
    const one = await lineOf(executor, file, { src: () => [1], a: 'where' })
    const other = await lineOf(executor, file, { src: () => [1], b: 'where' })
    const first = await ended(one)
    expect((await ended(other)).values).not.toEqual(first.values)
    expect((await ended(one)).values).toEqual(first.values)
  })

  test('that is closed in use lets the run end', async () => {
    const executor = make()
    const values: unknown[] = []
    const plumber = await lineOf(executor, file, { in: 'std.inlet', a: 'same' })
    const pipeline = plumber.createPipeline({ onOutput: ({ value }) => void values.push(value) })
    await pipeline.put(1)
    await until(() => values.length === 1)
    await executor.close()
    await pipeline.put(2)
    expect([(await pipeline.drain()).outcome, values]).toEqual(['completed', [1, 2]])
  })

  test('can be used after it was closed, and closed again, and at once', async () => {
    const executor = make()
    const plumber = await lineOf(executor, file, { src: () => [1], a: 'same' })
    await Promise.all([executor.close(), executor.close()])
    const { values } = await ended(plumber)
    expect(values).toEqual([1])
  })

  test('closes at the end of a scope', async () => {
    const executor = make()
    await ended(await lineOf(executor, file, { src: () => [1], a: 'same' }))
    await executor[Symbol.asyncDispose]()
  })

  test('runs a node that follows another in one worker each', async () => {
    const stages = { src: () => range(200), a: { coro: 'same', workers: 2 }, b: 'same', c: (n: number) => n + 1 }
    expect((await ended(await lineOf(make(), file, stages))).values).toEqual(range(201).slice(1))
  })
})

inThreadsAndProcesses('executors of two names', (make) => {
  test('serve one graph together', async () => {
    const executors = [make({ name: 'one' }), make({ name: 'two' })]
    const nodes = {
      src: { coro: 'src' },
      a: { coro: 'where', properties: { executor: 'one' } },
      b: { coro: 'same', properties: { executor: 'two' } },
    }
    const coroMap = [{ src: () => [1, 2] }, moduleCoros(new URL(`./coros/${file}`, import.meta.url))]
    const plumber = await Plumber.create({ nodes, graph: { src: ['a'], a: ['b'] } }, { coroMap, executors })
    expect((await ended(plumber)).values).toHaveLength(2)
  })
})
