import { expect, test } from 'vitest'
import { range, until } from '../support/blackbox.js'
import { causesOf, ended, inThreadsAndProcesses, lineOf } from './worker-lines.js'

const file = 'lives.mjs'

inThreadsAndProcesses('a module that', (make) => {
  test.each<[what: string, way: string, says: string]>([
    ['ends its worker', 'exit', 'exit code 4'],
    ['throws', 'throw', 'at the top'],
    ['imports what is not there', 'missing', 'nowhere.mjs'],
  ])('%s there fails the run', async (_, WAY, says) => {
    const plumber = await lineOf(make({ env: { ...process.env, WAY } }), file, { src: () => [1], a: 'same' })
    const { error, report } = await ended(plumber)
    expect(error).toMatchObject({ code: 'PLB_WORKER_START', message: expect.stringContaining(says) })
    expect(report.abandoned).toEqual([])
  })

  test('never loads there leaves the run to its deadline', async () => {
    const plumber = await lineOf(make({ env: { ...process.env, WAY: 'never' } }), file, { src: () => [1], a: 'same' })
    const { error } = await ended(plumber, { deadlineMs: 500 })
    expect(error).toMatchObject({ code: 'PLB_RUN_DEADLINE' })
  })
})

inThreadsAndProcesses('a worker that ends', (make) => {
  test('at an item fails that item alone', async () => {
    const stages = { src: () => range(1_000), a: { coro: 'exitOn', args: { at: 700 }, onError: 'skip' } }
    const { values, report } = await ended(await lineOf(make(), file, stages))
    expect(values).toEqual(range(1_000).filter((n) => n !== 700))
    expect(causesOf(report)).toEqual(['PLB_WORKER_DIED'])
  })

  test.each<[hook: string, phase: string]>([
    ['setup', 'in setup'],
    ['flush', 'after 1 attempt'],
    ['teardown', 'in teardown'],
  ])('in its %s fails the run', async (hook, phase) => {
    const stages = { src: () => [1, 2], a: { coro: `exitIn.${hook}`, onError: 'skip' } }
    const { error, report } = await ended(await lineOf(make(), file, stages))
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', message: expect.stringContaining(phase) })
    expect(causesOf(report)).toEqual(['PLB_WORKER_DIED'])
  })

  test('in a generator fails its item, after what it gave', async () => {
    const stages = { src: () => [1, 2], a: { coro: 'yieldsThenExits', onError: 'skip' } }
    const { values, report } = await ended(await lineOf(make(), file, stages))
    expect([values, causesOf(report)]).toEqual([
      [1, 2],
      ['PLB_WORKER_DIED', 'PLB_WORKER_DIED'],
    ])
  })

  test('in a stream fails the run', async () => {
    const { error } = await ended(await lineOf(make(), file, { src: () => [1, 2], a: 'exitIn.stream' }))
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: { code: 'PLB_WORKER_DIED' } })
  })

  test('in a source fails the run', async () => {
    const { error, values } = await ended(await lineOf(make(), file, { a: 'exitIn.source', b: (n: number) => n }))
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: { code: 'PLB_WORKER_DIED' } })
    expect(values).toEqual([1])
  })

  test.each(['throwsLater', 'rejectsLater'])('because of what nobody caught says so (%s)', async (coro) => {
    const { error } = await ended(await lineOf(make(), file, { src: () => [1], a: coro }))
    expect(error).toMatchObject({ cause: { code: 'PLB_WORKER_DIED', cause: { message: 'left behind' } } })
  })

  test('when the next run begins is replaced', async () => {
    const executor = make()
    const first = await ended(await lineOf(executor, file, { src: () => [1], a: 'mined' }))
    const second = await ended(await lineOf(executor, file, { src: () => [2], a: 'same' }))
    expect([first.values, second.values]).toEqual([[1], [2]])
  })

  test('again and again while nobody needs it is not replaced again and again', async () => {
    const deaths: unknown[] = []
    const quiet = {
      debug: () => {},
      info: () => {},
      error: () => {},
      warn: ({ err }: { err?: unknown }) => void deaths.push(err),
    }
    const executor = make({ env: { ...process.env, WAY: 'soon' } })
    const plumber = await lineOf(executor, file, { in: 'std.inlet', a: 'same' }, { logger: quiet })
    const pipeline = plumber.createPipeline({ graceMs: 500 })
    await until(() => deaths.length > 0 || pipeline.snapshot().state !== 'starting')
    await new Promise((resolve) => setTimeout(resolve, 700))
    const { outcome } = await pipeline.drain()
    expect([outcome === 'doomed', deaths.length <= 2]).toEqual([false, true])
  })
})

inThreadsAndProcesses('what a run has left behind in its worker', (make) => {
  test('gives nothing to the next run of the same worker', async () => {
    const executor = make()
    const plumber = await lineOf(executor, file, { src: () => [1], a: 'leakyGenerator' })
    await ended(plumber)
    const slow = await lineOf(executor, file, { src: () => [2], a: 'throughTimers' })
    expect((await ended(slow)).values).toEqual(['2.0', '2.1', '2.2'])
  })

  test('logs nothing for the next run', async () => {
    const said: unknown[] = []
    const logger = {
      debug: () => {},
      warn: () => {},
      error: () => {},
      info: (_: unknown, text?: string) => void said.push(text),
    }
    const executor = make()
    await ended(await lineOf(executor, file, { src: () => [1], a: 'leakyGenerator' }))
    await ended(await lineOf(executor, file, { src: () => [2], a: 'throughTimers' }, { logger }))
    expect(said).toEqual([])
  })

  test('is not put into the source of the next run', async () => {
    const executor = make()
    await ended(await lineOf(executor, file, { a: 'leaky', b: (value: unknown) => value }))
    const next = await lineOf(executor, file, { a: 'slowSource', b: (value: unknown) => value })
    expect((await ended(next)).values).toEqual([0, 1, 2])
  })
})
