import type { Context, Logger } from '@pipelines/core'
import type { Pipeline } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { chain, endless, failureOf, having, range, same, turns } from '../support/blackbox.js'
import { stillClock } from '../support/still-clock.js'

/*
 * What one request may say for itself; and what there is to know of the pipeline that it goes through.
 */

stillClock()

describe('a request too many', () => {
  const held = (pipeline: Pipeline) => pipeline.process(1)

  test.each(['reject', 'wait'] as const)('may say for itself what it does, where the run says %s', async (overload) => {
    const open = gate()
    const wait = (n: number) => open.opened.then(() => n)
    const pipeline = chain({ in: 'std.inlet', wait }).createPipeline({ maxInFlight: 1, overload })
    const first = held(pipeline)
    const waits = pipeline.process(2, { overload: 'wait' })
    const error = await failureOf(() => pipeline.process(3, { overload: 'reject' }))
    expect(error).toMatchObject({ code: 'PLB_RUN_OVERLOADED', statusCode: 503 })
    open.open()
    expect(await Promise.all([first, waits])).toEqual([1, 2])
    await pipeline.drain()
  })

  test('cannot say what there is not', async () => {
    const pipeline = chain({ in: 'std.inlet', same }).createPipeline()
    const error = await failureOf(() => pipeline.process(1, { overload: 'drop' as never }))
    expect(error).toMatchObject({ code: 'PLB_OPTION_INVALID', details: { option: 'overload' } })
    await pipeline.drain()
  })
})

/** A logger, and the messages that it got. */
function noting(name: string, notes: string[]): Logger {
  const note = (_: object, message?: string): void => void notes.push(`${name}: ${message}`)
  return { debug: note, info: note, warn: note, error: note }
}

describe('a logger', () => {
  const tell = async (n: number, { log }: Context) => {
    log.info({}, `before ${n}`)
    await turns(1)
    log.info({}, `after ${n}`)
    return n
  }

  test('of a request is what its calls see, each their own', async () => {
    const notes: string[] = []
    const pipeline = chain(
      { in: 'std.inlet', tell: having({ workers: 2 }, tell) },
      { logger: noting('run', notes) },
    ).createPipeline()
    const ask = (n: number, options = {}) => pipeline.process(n, options)
    await Promise.all([ask(1, { logger: noting('a', notes) }), ask(2, { logger: noting('b', notes) })])
    await ask(3)
    expect(notes.toSorted()).toEqual([
      'a: after 1',
      'a: before 1',
      'b: after 2',
      'b: before 2',
      'run: after 3',
      'run: before 3',
    ])
    await pipeline.drain()
  })

  test('of a run is over that of the Plumber', async () => {
    const notes: string[] = []
    const plumber = chain({ in: 'std.inlet', tell }, { logger: noting('plumber', notes) })
    await plumber.run([1], { logger: noting('run', notes) })
    await plumber.run([2])
    expect(notes).toEqual(['run: before 1', 'run: after 1', 'plumber: before 2', 'plumber: after 2'])
  })
})

describe('the load of a pipeline', () => {
  test('tells how many requests there are, and how full it is behind the inlet', async () => {
    const open = gate()
    const wait = (n: number) => open.opened.then(() => n)
    const pipeline = chain({ in: 'std.inlet', wait: having({ workers: 1, queueSize: 3 }, wait) }).createPipeline()
    expect(pipeline.load()).toEqual({ inFlight: 0, waiting: 0, depth: 0, capacity: 3 })
    const answers = range(6).map((n) => pipeline.process(n))
    await turns()
    expect(pipeline.load()).toEqual({ inFlight: 6, waiting: 2, depth: 3, capacity: 3 })
    open.open()
    expect(await Promise.all(answers)).toEqual(range(6))
    expect(pipeline.load()).toMatchObject({ inFlight: 0, waiting: 0, depth: 0 })
    await pipeline.drain()
  })

  test('asks for an inlet that there is', async () => {
    const pipeline = chain({ in: 'std.inlet', same }).createPipeline()
    expect(() => pipeline.load({ node: 'same' })).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
    expect(pipeline.load({ node: 'in' }).capacity).toBe(64)
    await pipeline.drain()
  })
})

describe('the start of a run', () => {
  test('is told of its pipeline, before anything has come out', async () => {
    const order: unknown[] = []
    const plumber = chain({ in: 'std.inlet', same })
    const onStart = (pipeline: Pipeline) => void order.push(pipeline.state)
    const onOutput = ({ value }: { readonly value: unknown }) => void order.push(value)
    await plumber.run([1, 2], { onStart, onOutput })
    expect(order.slice(1)).toEqual([1, 2])
    expect(['starting', 'running']).toContain(order[0])
  })

  test('hands over what ends it', async () => {
    const numbers = endless()
    let pipeline: Pipeline | undefined
    const stream = chain({ numbers: numbers.source }).stream(undefined, {
      onStart: (started) => {
        pipeline = started
      },
    })
    await stream.next()
    await pipeline?.doomsday(new Error('enough'))
    const rest = async (): Promise<void> => {
      for await (const _ of stream);
    }
    expect(await failureOf(rest)).toMatchObject({ code: 'PLB_RUN_DOOMED' })
    expect([numbers.closed, pipeline?.state]).toEqual([true, 'settled'])
  })
})
