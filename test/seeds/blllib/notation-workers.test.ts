import { writeFileSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import type { Flow } from '@pipelines/flow'
import { type Callable, Pipeline, type PipelineOptions } from '@pipelines/flow/blllib'
import { expect, test } from 'vitest'
import { endless, failureOf, range } from '../../support/blackbox.js'
import { folderWith } from '../../support/folder.js'
import { turns } from '../../support/turns.js'
import { sharedExecutors } from '../pipeline-lib/tasks-support.js'
import * as work from './fixtures/notation-operations.mjs'

const executors = sharedExecutors(work, new URL('./fixtures/notation-operations.mjs', import.meta.url))

const BESIDE = ['thread', 'process'] as const
const STRATEGIES = ['inline', ...BESIDE] as const
type Strategy = (typeof STRATEGIES)[number]

/** What becomes of inputs in callables that run there. */
function applied(executor: Strategy, callables: readonly Callable[], inputs: Iterable<unknown>): Flow<unknown> {
  // Each worker has to start, so several callables have one each.
  return new Pipeline(callables, { executor, workers: callables.length > 1 ? 1 : 3 }).apply(inputs)
}

const results = (flow: Flow<unknown>, env = {}): Promise<unknown[]> => flow.toArray(undefined, { executors, env })

test.each(BESIDE)(
  'B-04 a callable that is stateful makes one call at a time, however many inputs wait (%s)',
  async (place) => {
    const env = { folder: folderWith().path }
    expect(await results(applied(place, [work.alone], range(20)), env)).toEqual(range(20))
  },
)

test.each(BESIDE)('B-04 B-07 one that is not makes as many as its batchSize (%s)', async (place) => {
  const env = { folder: folderWith().path }
  expect(await results(applied(place, [work.meet], range(6)), env)).toEqual(range(6))
})

test.each(STRATEGIES)('B-T01 B-06 windows of 1, 2, 5 and 6 over five inputs (%s)', async (place) => {
  const windowsBy = (callable: Callable) => results(applied(place, [callable], range(5)))
  expect(await windowsBy(work.windowsOf1)).toEqual([[0], [1], [2], [3], [4]])
  expect(await windowsBy(work.windowsOf2)).toEqual([
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 4],
  ])
  expect(await windowsBy(work.windowsOf5)).toEqual([[0, 1, 2, 3, 4]])
  expect(await windowsBy(work.windowsOf6)).toEqual([])
})

test.each(STRATEGIES)(
  'B-T02 eleven integers through four operations on windows of two are seven ones (%s)',
  async (place) => {
    const operations = [work.add, work.subtract, work.multiply, work.divide]
    expect(await results(applied(place, operations, range(11)))).toEqual(Array(7).fill(1))
  },
)

test.each(BESIDE)(
  'B-08 B-03 a callable with runInMaster runs in this program, those around it do not (%s)',
  async (place) => {
    const here = `${process.pid}/${threadId}`
    const [places] = (await results(applied(place, [work.visit, work.visitMaster, work.visit], [[]]))) as [string[]]
    expect(places.map((one) => one === here)).toEqual([false, true, false])
  },
)

test.each(BESIDE)(
  'B-09 workers are a number for each callable, which the others do not count towards (%s)',
  (place) => {
    const options: PipelineOptions = { executor: place, workers: 2 }
    const { graph } = new Pipeline([work.same, work.single, work.meet], options).apply([]).toBlueprint()
    const workers = Object.values(graph.nodes).map(({ properties }) => properties?.workers)
    expect(workers.slice(1)).toEqual([undefined, 2, 2])
  },
)

test.each(BESIDE)('B-10 results come in the order of the inputs, whoever is first (%s)', async (place) => {
  const env = { folder: folderWith().path }
  expect(await results(applied(place, [work.firstIsLast], range(6)), env)).toEqual(range(6))
})

test.each(BESIDE)('B-11 B-07 no more is read than the batches hold (%s)', async (place) => {
  const numbers = endless()
  const iterator = applied(place, [work.single], numbers.source()).toIterable({ executors })
  await turns()
  expect(numbers.read).toBe(0)
  await iterator.next()
  for (let turn = 0; turn < 300 && numbers.read < 20; turn++) await turns(1)
  await iterator.return()
  // 2 in work and 2 in front of it; results and inputs in hand.
  expect(numbers.read).toBeLessThanOrEqual(8)
})

test.each(BESIDE)('B-12 whoever has enough of an endless input leaves the loop (%s)', async (place) => {
  const numbers = endless()
  const seen: unknown[] = []
  for await (const result of applied(place, [work.single, work.same], numbers.source()).toIterable({ executors }))
    if (seen.push(result) === 5) break
  expect(seen).toEqual(range(5))
  expect(numbers.closed).toBe(true)
})

test.each(BESIDE)('B-13 B-14 a stateful callable with room for one input loses none, and ends (%s)', async (place) => {
  const flow = applied(place, [work.same, work.same], range(30))
  expect(await results(flow)).toEqual(range(30))
  expect(await results(flow)).toEqual(range(30))
})

test.each(BESIDE)('B-15 an error in a stateful callable reaches the consumer (%s)', async (place) => {
  const error = await failureOf(() => results(applied(place, [work.failsInState, work.same], range(100))))
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'failsInState' } })
  expect(error.cause).toBeInstanceOf(RangeError)
})

test.each(STRATEGIES)(
  'B-16 an error comes at the place of its input, after the results before it (%s)',
  async (place) => {
    const folder = folderWith()
    const seen: unknown[] = []
    const { cause } = await failureOf(async () => {
      const flow = applied(place, [work.failsAtFive], range(10))
      for await (const result of flow.toIterable({ executors, env: { folder: folder.path } }))
        if (seen.push(result) === 5) writeFileSync(folder.of('seen'), '')
    })
    expect(seen).toEqual(range(5))
    expect(cause).toBeInstanceOf(TypeError)
    expect(cause).toMatchObject({ stack: expect.stringContaining('notation-operations.mjs') })
  },
)

test.each(BESIDE)('B-18 what cannot travel is refused before anything is read (%s)', async (place) => {
  const numbers = endless()
  for (const callable of [(n: number) => n, { call: (n: number) => n }]) {
    const error = await failureOf(() => results(applied(place, [callable], numbers.source())))
    expect(error).toMatchObject({ details: { issues: [{ code: 'PLB_CORO_NOT_PORTABLE' }] } })
  }
  expect(numbers.read).toBe(0)
})
