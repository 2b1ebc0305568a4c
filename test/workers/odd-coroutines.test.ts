import type { Logger } from '@pipelines/core'
import { expect, test } from 'vitest'
import { until } from '../support/blackbox.js'
import { ended, inThreadsAndProcesses, lineOf } from './worker-lines.js'

const file = 'odd.mjs'
const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

inThreadsAndProcesses('a coroutine', (make, kind) => {
  test.each<[what: string, coro: string]>([
    ['calls back twice', 'twice'],
    ['posts messages of its own', 'postsItself'],
  ])('that %s gives its result all the same', async (_, coro) => {
    const { values, error } = await ended(await lineOf(make(), file, { src: () => [1, 2, 3], a: coro }))
    expect([values, error]).toEqual([[1, 2, 3], undefined])
  })

  test('whose result cannot be awaited fails', async () => {
    const { error } = await ended(await lineOf(make(), file, { src: () => [1], a: 'badThen' }))
    expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: { message: 'no then' } })
  })

  test('that changes the directory does so for nobody else', async () => {
    const before = process.cwd()
    const { values } = await ended(await lineOf(make(), file, { src: () => [1], a: 'moves' }))
    expect([values, process.cwd()]).toEqual([
      [kind === 'thread' ? 'ERR_WORKER_UNSUPPORTED_OPERATION' : 'moved'],
      before,
    ])
  })

  test.each(['returnThrows', 'noReturn'])('whose generator has no end is left early (%s)', async (coro) => {
    const plumber = await lineOf(make(), file, {
      src: () => [1],
      a: coro,
      b: { coro: 'streams.take', executor: 'inline' },
    })
    const { values } = await ended(plumber)
    expect(values).toEqual([0, 1, 2])
  })

  test('whose generator never cleans up is abandoned, and its worker ended', async () => {
    const stages = { src: () => [1], a: 'returnHangs', b: { coro: 'streams.take', executor: 'inline' } }
    const { values, report } = await ended(await lineOf(make(), file, stages), { graceMs: 200 })
    expect([values, report.abandoned]).toEqual([[0, 1, 2], ['a']])
  })

  test('logs what can be sent, and errors as errors', async () => {
    const said: unknown[][] = []
    const note = (...args: unknown[]): void => void said.push(args)
    const logger: Logger = { debug: note, info: note, warn: note, error: note }
    const { values } = await ended(await lineOf(make(), file, { src: () => [1], a: 'logs' }, { logger }))
    await until(() => said.length >= 5)
    expect([values, said[0]]).toEqual([
      [1],
      [{ value: 1, open: expect.any(String), error: expect.any(TypeError) }, 'with fields'],
    ])
    expect([said[1]?.[0], said[2]?.[0]]).toEqual(['only text', expect.any(RangeError)])
  })

  test('is not hurt by a logger that throws, nor is the program', async () => {
    const trap = (): never => {
      throw new Error('logger')
    }
    const logger: Logger = { ...silent, info: trap, warn: trap, debug: trap }
    const { values } = await ended(await lineOf(make(), file, { src: () => [1], a: 'logs' }, { logger }))
    expect(values).toEqual([1])
  })

  test('that emits when its call is over adds nothing to another one', async () => {
    const { values, report } = await ended(await lineOf(make(), file, { src: () => [1, 2, 3], a: 'lateEmit' }))
    expect(values.filter((value) => value !== 'late')).toEqual([2, 3])
    expect(report.outcome).toBe('completed')
  })

  test('of a source that puts with a wrong meta fails its run and nothing else', async () => {
    const { error } = await ended(await lineOf(make(), file, { a: 'sources.oddMeta', b: (n: number) => n }))
    expect(error === undefined || (error as Error).name === 'PipelineError').toBe(true)
  })
})
