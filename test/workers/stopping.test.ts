import { expect, test } from 'vitest'
import { range, until } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import { ended, inThreadsAndProcesses, lineOf, type Stage } from './worker-lines.js'

const file = 'odd.mjs'
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

inThreadsAndProcesses('doomsday', (make) => {
  test.each<[when: string, stage: Stage, begins: boolean, abandoned: string[]]>([
    ['at the start', 'same', false, []],
    ['in a setup', 'setsUp.thenObeys', true, []],
    ['in a setup that never ends', 'setsUp.never', true, ['a']],
    ['in a call that obeys', 'obeys', true, []],
    ['in a call that does not', 'hangs', true, ['a']],
    ['in a busy loop', 'spins', true, ['a']],
    ['in a flush that never ends', 'flushes.never', true, ['a']],
    ['in a teardown that never ends', 'tearsDown.never', true, ['a']],
    ['in a stream that never ends', 'streams.hanging', true, ['a']],
  ])('%s ends the run in time, and the worker', async (_, stage, begins, abandoned) => {
    const plumber = await lineOf(make(), file, { src: () => ['spin'], a: stage })
    // One that obeys has time for it, however busy the machine is.
    const pipeline = plumber.createPipeline({ graceMs: abandoned.length > 0 ? 100 : 1_000 })
    if (begins) await until(() => pipeline.snapshot().state !== 'starting')
    if (begins) await pause(100)
    const report = await pipeline.doomsday('now')
    expectBalancedBooks(report)
    expect([report.abandoned, report.outcome]).toEqual([abandoned, 'doomed'])
  })

  test('names what a worker held, whole', async () => {
    const values = range(5).map((n) => ({ n, bytes: new Uint8Array(20_000).fill(n) }))
    const pipeline = (await lineOf(make(), file, { src: () => values, a: 'obeys' })).createPipeline({ graceMs: 300 })
    await until(() => pipeline.snapshot().nodes['a']?.inProgress === 1)
    const { unprocessed } = await pipeline.doomsday('now')
    expect(unprocessed.map(({ value }) => (value as { bytes: Uint8Array }).bytes.length)).toEqual(Array(5).fill(20_000))
  })
})

inThreadsAndProcesses('a deadline', (make) => {
  test.each(['hangs', 'setsUp.never', 'flushes.never', 'spins'])('ends %s, and says so', async (coro) => {
    const plumber = await lineOf(make(), file, { src: () => ['spin'], a: coro })
    const { error } = await ended(plumber, { deadlineMs: 400, graceMs: 100 })
    expect(error).toMatchObject({ code: 'PLB_RUN_DEADLINE' })
  })
})

inThreadsAndProcesses('a pipeline with workers', (make) => {
  test('drains: what is inside flows out, with flush', async () => {
    const values: unknown[] = []
    const plumber = await lineOf(make(), file, { in: 'std.inlet', a: { coro: 'flushes.counted', workers: 2 } })
    const pipeline = plumber.createPipeline({ onOutput: ({ value }) => void values.push(value) })
    for (const n of range(100)) await pipeline.put(n)
    const report = await pipeline.drain()
    expectBalancedBooks(report)
    expect(values.reduce((sum: number, n) => sum + Number(n), 0)).toBe(100)
  })

  test('pauses, and goes on where it was', async () => {
    const values: unknown[] = []
    const pipeline = (await lineOf(make(), file, { src: () => range(500), a: 'same' })).createPipeline({
      onOutput: ({ value }) => {
        values.push(value)
        if (values.length === 100) pipeline.pause()
      },
    })
    await until(() => values.length >= 100)
    await pause(50)
    const stood = values.length
    await pause(50)
    expect(values.length).toBe(stood)
    pipeline.resume()
    expectBalancedBooks(await pipeline.settled)
    expect(values).toEqual(range(500))
  })

  test('has as many workers as it is told, up and down', async () => {
    const plumber = await lineOf(make(), file, { in: 'std.inlet', a: { coro: 'where', workers: 1, ordered: false } })
    const pipeline = plumber.createPipeline()
    const places = async (): Promise<number> =>
      new Set(await Promise.all(range(400).map((n) => pipeline.process(n)))).size
    const seen = [await places()]
    pipeline.setWorkers('a', 3)
    for (let round = 0; round < 100 && (seen[1] ?? 1) === 1; round++) seen[1] = await places()
    pipeline.setWorkers('a', 1)
    seen.push(await places())
    expectBalancedBooks(await pipeline.drain())
    expect([seen[0], (seen[1] ?? 0) > 1, seen[2]]).toEqual([1, true, 1])
  })

  test.each(['sources.puts', 'sources.yields'])(
    'stops its endless source when nobody wants more (%s)',
    async (coro) => {
      const stages = { a: coro, b: { coro: 'streams.take', executor: 'inline' } }
      const { values, report } = await ended(await lineOf(make(), file, stages))
      expect([values, report.abandoned]).toEqual([[0, 1, 2], []])
    },
  )

  test.each(['streams.take', 'streams.same'])(
    'stops a stream early, and accounts for all inputs (%s)',
    async (coro) => {
      const stages = { src: () => range(1_000), a: coro, b: { coro: 'streams.take', executor: 'inline' } }
      const { values, report } = await ended(await lineOf(make(), file, stages))
      expect([values, report.outcome]).toEqual([[0, 1, 2], 'completed'])
    },
  )

  test('passes a stream through two workers', async () => {
    const stages = { src: () => range(1_000), a: 'streams.same', b: 'streams.same' }
    expect((await ended(await lineOf(make(), file, stages))).values).toEqual(range(1_000))
  })

  test('reports a setup that fails once', async () => {
    const { error, report } = await ended(await lineOf(make(), file, { src: () => [1, 2], a: 'setsUp.failing' }))
    expect(error).toMatchObject({ message: expect.stringContaining('in setup'), cause: { message: 'mine' } })
    expect(report.errors).toHaveLength(1)
  })
})
