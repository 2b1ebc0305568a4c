import { getEventListeners } from 'node:events'
import { type Context, DROP, defineCoro, type PipelineError } from '@pipelines/core'
import { type Gate, gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import {
  aborted,
  chain,
  detailOf,
  failureOf,
  having,
  nodeOf,
  outputs,
  type Pipeline,
  plumberOf,
  range,
  type Stage,
  same,
  settlesSoon,
  turns,
  unfused,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'
import {
  type Answer,
  answersOf,
  ask,
  breathing,
  expectAsNew,
  expectCancelled,
  expectNothingInside,
  soon,
  windowed,
  withTime,
} from '../support/requests.js'
import { stillClock } from '../support/still-clock.js'

/*
 * What a request gets when something goes wrong: an error of an item is its own request's and nobody else's (S31), what
 * ends the run is everybody's, and what is too much is refused (S30).
 */

stillClock()

/** Throws for numbers below zero. */
const refuse = (n: number): number => {
  if (n < 0) throw new RangeError(`not ${n}`)
  return n
}

const waiting =
  ({ opened }: Gate) =>
  async <T>(value: T): Promise<T> => {
    await opened
    return value
  }

const merge = having({ aggregateInputs: false }, same)

/** Asserts that every answer is its own value, or its own error. */
function expectOwn(answers: readonly Answer[], values: readonly number[]): void {
  for (const [place, answer] of answers.entries()) {
    const value = Number(values[place])
    if (value >= 0) expect(answer).toEqual({ value })
    else expect(answer).toMatchObject({ error: { code: 'PLB_NODE_FAILED', cause: { message: `not ${value}` } } })
  }
}

describe('an item that fails', () => {
  test('rejects its request with the error that a run would have, and its cause is the user’s own', async () => {
    const boom = Object.freeze(new TypeError('boom'))
    const fail = (n: number) => {
      if (n === 1) throw boom
      return n
    }
    const pipeline = chain({ in: 'std.inlet', fail, out: same }).createPipeline()
    for (const method of ['process', 'processAll'] as const) {
      const error = await failureOf(() => pipeline[method](1))
      expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'fail', attempts: 1, phase: 'run' } })
      expect(error.cause).toBe(boom)
    }
    const { roots } = await expectAsNew(pipeline, same)
    expect(roots?.errored).toBe(2)
  })

  test.each<[string, () => Pipeline]>([
    ['in a chain', () => chain({ in: 'std.inlet', refuse, out: same }).createPipeline()],
    ['at a leaf', () => chain({ in: unfused('std.inlet'), refuse: unfused(refuse) }).createPipeline()],
    [
      'among workers, in order',
      () => chain({ in: 'std.inlet', refuse: unfused(late(refuse), { workers: 4 }), out: same }).createPipeline(),
    ],
    [
      'among workers that overtake',
      () =>
        chain({
          in: 'std.inlet',
          refuse: unfused(late(refuse), { workers: 4, ordered: false }),
          out: unfused(same, { queueSize: 1 }),
        }).createPipeline(),
    ],
    [
      'in a branch of a region',
      () =>
        windowed(2, { in: 'std.inlet', refuse, b: late(same), join: first }, region('refuse', 'b')).createPipeline(),
    ],
    [
      'in the later branch of a region',
      () =>
        windowed(
          1,
          { in: 'std.inlet', a: same, refuse: unfused(late(refuse)), join: first },
          region('a', 'refuse'),
        ).createPipeline(),
    ],
    [
      'in a join',
      () =>
        windowed(
          1,
          { in: 'std.inlet', a: same, b: same, join: late(([n]: number[]) => refuse(Number(n))) },
          region('a', 'b'),
        ).createPipeline(),
    ],
    [
      'in a join that is called when the last call before it ends',
      () =>
        windowed(
          1,
          {
            in: 'std.inlet',
            a: function* (n: number) {
              yield n
              yield n
            },
            b: same,
            join: having({ collect: 'all' }, ([[n]]: [[number]]) => refuse(n)),
          },
          region('a', 'b'),
        ).createPipeline(),
    ],
    [
      'in a generator, after it gave something',
      () =>
        chain({
          in: 'std.inlet',
          parts: async function* (n: number) {
            yield n
            await undefined
            refuse(n)
            yield DROP
          },
          out: unfused(same, { queueSize: 1 }),
        }).createPipeline(),
    ],
    [
      'while its outputs are held back',
      () =>
        chain({
          in: 'std.inlet',
          parts: having({ emit: 'atomic' }, function* (n: number) {
            yield n
            refuse(n)
          }),
          out: same,
        }).createPipeline(),
    ],
    [
      'of one key among others',
      () =>
        plumberOf(
          { in: 'std.inlet', part: { coro: 'refuse', properties: { partitionBy: 'key', workers: 2 } } },
          { in: ['part'] },
          { coroMap: { refuse, key: (n: number) => n % 3 } },
        ).createPipeline(),
    ],
    [
      'where its key is looked up',
      () =>
        plumberOf(
          { in: 'std.inlet', part: { coro: 'same', properties: { partitionBy: 'key', workers: 2 } } },
          { in: ['part'] },
          { coroMap: { same, key: refuse } },
        ).createPipeline(),
    ],
  ])('rejects its own request and no other: %s', async (_where, make) => {
    for (const breathes of [false, true])
      await breathing(breathes, async () => {
        const pipeline = make()
        const values = range(60).map((n) => (n % 4 === 1 ? -n : n))
        expectOwn(await answersOf(values.map((n) => pipeline.process(n))), values)
        // And one by one, when nothing else is inside.
        for (const n of [-7, 8, -9]) expectOwn(await answersOf([pipeline.process(n)]), [n])
        const { roots } = await expectAsNew(pipeline, same)
        expect(roots?.errored).toBe(17)
      })
  })

  test('rejects its request at once, and cancels the rest of it', async () => {
    const signals: AbortSignal[] = []
    const open = gate()
    const fail = async (n: number) => {
      await open.opened
      return refuse(n)
    }
    const slow = (n: number, { signal }: Context): unknown => {
      signals.push(signal)
      return n < 0 ? aborted(signal) : n
    }
    const nodes = { in: 'std.inlet', fail, slow: unfused(slow), join: first }
    const pipeline = windowed(1, nodes, region('fail', 'slow')).createPipeline()
    const asked = pipeline.process(-1)
    await soon(() => signals.length === 1)
    open.open()
    expect(await failureOf(() => asked)).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'fail' } })
    expect(signals[0]?.aborted).toBe(true)
    const report = await expectAsNew(pipeline, same)
    expect(nodeOf(report, 'slow')).toMatchObject({ failed: 0, unprocessed: 1 })
  })

  test('leaves nothing of its request in queues and stores, also where calls do not obey', async () => {
    const open = gate()
    const nodes = {
      in: 'std.inlet',
      fail: refuse,
      slow: unfused(waiting(open)),
      join: having({ ordered: false }, first),
    }
    const pipeline = windowed(2, nodes, region('fail', 'slow')).createPipeline()
    const values = [1, -2, -3, 4, 5]
    const requests = values.map((n) => pipeline.process(n))
    const answers = answersOf(requests)
    // Those that failed do not keep the others from coming in.
    expect(await settlesSoon(Promise.allSettled(requests.slice(1, 3)))).toBe(true)
    open.open()
    expectOwn(await answers, values)
    await expectAsNew(pipeline, same)
  })

  test('gives the first error where there are several', async () => {
    const [one, other] = [gate(), gate()]
    const failing =
      (name: string, { opened }: Gate) =>
      async (n: number) => {
        await opened
        if (n < 0) throw new Error(name)
        return n
      }
    const nodes = { in: 'std.inlet', a: failing('a', one), b: failing('b', other), join: first }
    const pipeline = windowed(1, nodes, region('a', 'b')).createPipeline()
    const asked = failureOf(() => pipeline.process(-1))
    await turns()
    other.open()
    expect((await asked).cause).toMatchObject({ message: 'b' })
    one.open()
    const { roots } = await expectAsNew(pipeline, same)
    expect(roots?.errored).toBe(1)
  })

  test('rejects, although other outputs of its request have arrived', async () => {
    const parts = function* (n: number) {
      yield 1
      yield n
      yield 2
    }
    const pipeline = chain({ in: 'std.inlet', parts, refuse, out: same }).createPipeline()
    expect(await pipeline.processAll(3)).toEqual([1, 3, 2])
    expect((await failureOf(() => pipeline.processAll(-3))).code).toBe('PLB_NODE_FAILED')
    await pipeline.drain()
  })

  test.each<[string, unknown]>([
    ['a text', 'boom'],
    ['null', null],
    ['undefined', undefined],
    [
      'an object whose message throws',
      {
        get message() {
          throw new Error('worse')
        },
      },
    ],
    ['a frozen error', Object.freeze(new Error('frozen'))],
    ['an abort of its own making', Object.assign(new Error('mine'), { name: 'AbortError' })],
  ])('may throw anything: %s', async (_what, thrown) => {
    const fail = (n: number) => {
      if (n < 0) throw thrown
      return n
    }
    const pipeline = chain({ in: 'std.inlet', fail, out: same }).createPipeline()
    const error = await failureOf(() => pipeline.process(-1))
    expect(error.code).toBe('PLB_NODE_FAILED')
    expect(error.cause).toBe(thrown)
    await expectAsNew(pipeline, same)
  })

  test('ends the run as before where it came by put, and every request gets the error of the run', async () => {
    const open = gate()
    const nodes = { in: 'std.inlet', refuse, wait: unfused(waiting(open), { workers: 2 }) }
    const pipeline = chain(nodes).createPipeline()
    const requests = [pipeline.process(1), pipeline.process(2), pipeline.processAll(3)]
    const answers = answersOf(requests)
    await turns()
    await pipeline.put(-1).catch(() => {})
    const all = await answers
    open.open()
    const report = await pipeline.settled
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_FAILED', details: { node: 'refuse' } } })
    for (const answer of all) expect((answer as { error: unknown }).error).toBe(report.error)
    expectBalancedBooks(report, ['in'])
  })
})

const first = ([n]: readonly unknown[]): unknown => n
const region = (a: string, b: string) => ({ in: [a, b], [a]: ['join'], [b]: ['join'] })
/** The same, some microtasks later. */
const late =
  <T, R>(coro: (value: T) => R) =>
  async (value: T): Promise<R> => {
    await undefined
    await undefined
    return coro(value)
  }

describe('an item that is skipped', () => {
  test('leaves its request without an output, and is the cause of that', async () => {
    const pipeline = chain({ in: 'std.inlet', work: having({ onError: 'skip' }, refuse), out: same }).createPipeline()
    const error = await failureOf(() => pipeline.process(-1))
    expect(error).toMatchObject({
      code: 'PLB_RUN_CARDINALITY',
      details: { count: 0 },
      cause: { code: 'PLB_NODE_FAILED', details: { node: 'work' }, cause: { message: 'not -1' } },
    })
    expect(await pipeline.processAll(-1)).toEqual([])
    const { roots } = await expectAsNew(pipeline, same)
    expect(roots?.errored).toBe(2)
  })

  test('leaves the rest of its request as it is', async () => {
    const work = having({ onError: 'skip' }, refuse)
    const plumber = plumberOf({ in: 'std.inlet', work, other: (n: number) => 2 * n }, { in: ['work', 'other'] })
    const pipeline = plumber.createPipeline()
    expect(await pipeline.process(-1)).toBe(-2)
    expect((await pipeline.processAll(1)).toSorted()).toEqual([1, 2])
    await pipeline.drain()
  })

  test('is left out at a join, or missing there', async () => {
    const nodes = { in: 'std.inlet', work: having({ onError: 'skip' }, refuse), b: same }
    const skipping = plumberOf({ ...nodes, join: same }, region('work', 'b')).createPipeline()
    expect(await failureOf(() => skipping.process(-1))).toMatchObject({
      code: 'PLB_RUN_CARDINALITY',
      cause: { code: 'PLB_NODE_FAILED' },
    })
    const partial = plumberOf(
      { ...nodes, join: having({ missing: 'partial' }, same) },
      region('work', 'b'),
    ).createPipeline()
    expect(await partial.process(-1)).toEqual([undefined, -1])
    const strict = plumberOf(
      { ...nodes, join: having({ missing: 'fail' }, same) },
      region('work', 'b'),
    ).createPipeline()
    expect((await failureOf(() => strict.process(-1))).code).toBe('PLB_NODE_CARDINALITY')
    for (const pipeline of [skipping, partial, strict]) await expectAsNew(pipeline, (n) => [n, n])
  })

  test('of a put beside it is none of a request’s', async () => {
    const pipeline = chain({ in: 'std.inlet', work: having({ onError: 'skip' }, refuse), out: same }).createPipeline()
    const asked = pipeline.processAll(1)
    await pipeline.put(-5)
    expect(await asked).toEqual([1])
    const filtered = await failureOf(() => pipeline.process(-1))
    expect(detailOf(filtered.cause as PipelineError, 'node')).toBe('work')
    expect((filtered.cause as Error).cause).toMatchObject({ message: 'not -1' })
    await expectAsNew(pipeline, same)
  })
})

describe('the error of a request is', () => {
  test('PLB_NODE_TIMEOUT itself, where a call takes too long', () =>
    withTime(async ({ pass, flow }) => {
      const open = gate()
      const slow = async (n: number, { signal }: Context) => {
        if (n < 0) await Promise.race([open.opened, aborted(signal)])
        return n
      }
      const pipeline = chain({
        in: 'std.inlet',
        slow: having({ timeoutMs: 100, workers: 2, ordered: false }, slow),
      }).createPipeline()
      const asked = failureOf(() => pipeline.process(-1))
      expect(await pipeline.process(1)).toBe(1)
      await pass(99)
      expect(await settlesSoon(asked)).toBe(false)
      await pass(1)
      expect(await asked).toMatchObject({
        code: 'PLB_NODE_TIMEOUT',
        details: { node: 'slow', attempts: 1, timeoutMs: 100 },
      })
      open.open()
      await expectAsNew(pipeline, same, { flow })
    }))

  test('the last one, when all attempts were in vain', () =>
    withTime(async ({ flow }) => {
      const flaky = (n: number, { attempt }: Context) => {
        if (n < 0) throw new Error(`attempt ${attempt}`)
        return n
      }
      const retry = { attempts: 3, minDelayMs: 10 }
      const pipeline = chain({
        in: 'std.inlet',
        flaky: having({ retry, workers: 2, ordered: false }, flaky),
      }).createPipeline()
      const asked = failureOf(() => pipeline.process(-1))
      expect(await pipeline.process(1)).toBe(1)
      expect(await flow(asked)).toMatchObject({
        code: 'PLB_NODE_FAILED',
        details: { node: 'flaky', attempts: 3 },
        cause: { message: 'attempt 3' },
      })
      await expectAsNew(pipeline, same, { flow })
    }))

  test('PLB_NODE_CARDINALITY, where a join gets too many', async () => {
    const twice = (n: number) => range(n).values()
    const nodes = { in: 'std.inlet', twice, b: same, join: same }
    const pipeline = windowed(1, nodes, region('twice', 'b')).createPipeline()
    const error = await failureOf(() => pipeline.process(2))
    expect(error).toMatchObject({ code: 'PLB_NODE_CARDINALITY', details: { node: 'join', input: 'twice', count: 2 } })
    expect(await pipeline.process(1)).toEqual([0, 1])
    await pipeline.drain()
  })

  test('that of a promise which was not kept', async () => {
    const lie = defineCoro({ oneToOne: true, run: (n: number) => (n < 0 ? DROP : n) })
    const pipeline = chain({ in: 'std.inlet', lie, out: same }).createPipeline()
    expect(await failureOf(() => pipeline.process(-1))).toMatchObject({
      code: 'PLB_NODE_FAILED',
      cause: { code: 'PLB_NODE_CARDINALITY' },
    })
    await expectAsNew(pipeline, same)
  })

  test('that of its batch, for every member', async () => {
    const boom = new Error('boom')
    const all = (list: number[]) => {
      if (list.some((n) => n < 0)) throw boom
      return list
    }
    const pipeline = chain({ in: 'std.inlet', all: having({ batch: { size: 3 } }, all), out: same }).createPipeline()
    const answers = await answersOf([1, 2, -3, 4, 5, 6].map((n) => pipeline.process(n)))
    for (const answer of answers.slice(0, 3))
      expect(answer).toMatchObject({ error: { code: 'PLB_NODE_FAILED', details: { node: 'all' }, cause: boom } })
    expect(answers.slice(3)).toEqual([4, 5, 6].map((value) => ({ value })))
    await expectAsNew(pipeline, same)
  })

  test.each([
    ['too short', (list: number[]) => list.slice(1)],
    ['too long', (list: number[]) => [...list, 0]],
    ['no list', (list: number[]) => ({ list })],
  ])('PLB_NODE_CARDINALITY for every member, where the result of a batch is %s', async (_what, wrong) => {
    const all = (list: number[]): unknown => (list.some((n) => n < 0) ? wrong(list) : list)
    const pipeline = chain({ in: 'std.inlet', all: having({ batch: { size: 2 } }, all), out: same }).createPipeline()
    const answers = await answersOf([1, -2, 3, 4].map((n) => pipeline.process(n)))
    for (const answer of answers.slice(0, 2))
      expect(answer).toMatchObject({ error: { code: 'PLB_NODE_CARDINALITY', details: { node: 'all' } } })
    expect(answers.slice(2)).toEqual([3, 4].map((value) => ({ value })))
    await expectAsNew(pipeline, same)
  })
})

describe('what ends the run is what every request gets:', () => {
  /** A pipeline with requests in a call, in a queue and in front of the inlet. */
  function crowded(options: Readonly<Record<string, unknown>> = {}) {
    const open = gate()
    const stages = { in: unfused('std.inlet'), wait: unfused(waiting(open), { queueSize: 1 }) }
    const pipeline = chain(stages).createPipeline({ graceMs: 100, ...options })
    const requests = range(5).map((n) => pipeline.process(n))
    const answers = answersOf(requests)
    return { open, pipeline, requests, answers }
  }

  const errorsIn = (answers: readonly Answer[]): PipelineError[] =>
    answers.map((answer) => ('error' in answer ? answer.error : (undefined as never)))

  test('doomsday', async () => {
    const { open, pipeline, answers } = crowded()
    await turns()
    const reason = new Error('power cut')
    const dooming = pipeline.doomsday(reason)
    for (const error of errorsIn(await answers)) {
      expect(error).toMatchObject({ name: 'AbortError', code: 'PLB_RUN_DOOMED' })
      expect(error.cause).toBe(reason)
    }
    open.open()
    const report = await dooming
    expectBalancedBooks(report, ['in'])
    expect(report.roots?.delivered).toBe(0)
    expect((await failureOf(() => pipeline.process(1))).code).toBe('PLB_STATE_NOT_RUNNING')
  })

  test('doomsday, before anything could move', async () => {
    const { open, pipeline, answers } = crowded()
    void pipeline.doomsday()
    for (const error of errorsIn(await answers)) expect(error.code).toBe('PLB_RUN_DOOMED')
    open.open()
    expectBalancedBooks(await pipeline.settled, ['in'])
  })

  test('the caller’s signal', async () => {
    const controller = new AbortController()
    const { open, pipeline, answers } = crowded({ signal: controller.signal })
    await turns()
    controller.abort('shutdown')
    for (const error of errorsIn(await answers))
      expect(error).toMatchObject({ name: 'AbortError', code: 'PLB_RUN_DOOMED', cause: 'shutdown' })
    open.open()
    expectBalancedBooks(await pipeline.settled, ['in'])
  })

  test('its deadline', () =>
    withTime(async ({ pass }) => {
      const { open, pipeline, answers } = crowded({ deadlineMs: 100 })
      await pass(100)
      for (const error of errorsIn(await answers)) expect(error.code).toBe('PLB_RUN_DEADLINE')
      open.open()
      expectBalancedBooks(await pipeline.settled, ['in'])
    }))

  test('the deadline of a drain', () =>
    withTime(async ({ pass }) => {
      const { open, pipeline, answers } = crowded()
      await turns()
      void pipeline.drain({ deadlineMs: 1_000 })
      await pass(799)
      expect(await settlesSoon(answers)).toBe(false)
      await pass(1)
      for (const error of errorsIn(await answers)) expect(error.code).toBe('PLB_RUN_DEADLINE')
      open.open()
      await pass(1)
      expectBalancedBooks(await pipeline.settled, ['in'])
    }))

  test('a call that does not return is not waited for', () =>
    withTime(async ({ pass }) => {
      const { pipeline, answers } = crowded()
      await turns()
      void pipeline.doomsday()
      expect(await settlesSoon(answers)).toBe(true)
      await pass(100)
      expect((await pipeline.settled).abandoned).toEqual(['wait'])
    }))

  test.each<[string, Stage]>([
    [
      'setup',
      defineCoro({
        setup: () => Promise.reject(new Error('no database')),
        run: same,
      }),
    ],
    [
      'a stream coroutine',
      defineCoro({
        kind: 'stream',
        run: async function* (inputs: AsyncIterable<number>) {
          for await (const n of inputs) if (n === 2) throw new Error('no database')
          yield 1
        },
      }),
    ],
  ])('an error in %s', async (_what, coro) => {
    const pipeline = chain({ in: unfused('std.inlet'), coro: unfused(coro), out: same }).createPipeline()
    const answers = answersOf(range(5).map((n) => pipeline.process(n)))
    const report = await pipeline.settled
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_FAILED', details: { node: 'coro' } } })
    expect(report.error?.cause).toMatchObject({ message: 'no database' })
    const all = await answers
    // A request whose items the stream had taken and was done with may have been answered before.
    for (const answer of all.slice(2)) expect('error' in answer && answer.error).toBe(report.error)
    expectBalancedBooks(report, ['in'])
  })

  test('an error in teardown does not undo what was answered', async () => {
    const coro = defineCoro({
      setup: () => 1,
      run: same,
      teardown: () => {
        throw new Error('too late')
      },
    })
    const pipeline = chain({ in: 'std.inlet', coro }).createPipeline()
    expect(await pipeline.process(1)).toBe(1)
    const report = await pipeline.drain()
    expect(report).toMatchObject({ outcome: 'failed', error: { details: { phase: 'teardown' } } })
    expect(report.roots).toMatchObject({ delivered: 1 })
  })

  test('a request that was answered has its answer', async () => {
    const { open, pipeline } = crowded()
    open.open()
    const answer = pipeline.process(9)
    expect(await answer).toBe(9)
    await pipeline.doomsday()
    expect(await answer).toBe(9)
  })
})

describe('timeoutMs of a request', () => {
  test('cancels it with PLB_RUN_DEADLINE, and tells its calls so', () =>
    withTime(async ({ pass, flow }) => {
      const signals: AbortSignal[] = []
      const wait = async (n: number, { signal }: Context) => {
        signals.push(signal)
        return n < 500 ? aborted(signal) : n
      }
      const pipeline = chain({ in: 'std.inlet', wait: unfused(wait), out: same }).createPipeline()
      const asked = failureOf(() => pipeline.process(1, { timeoutMs: 250 }))
      await pass(249)
      expect(await settlesSoon(asked)).toBe(false)
      await pass(1)
      const error = await asked
      expect(error).toMatchObject({ name: 'PipelineError', code: 'PLB_RUN_DEADLINE', details: { nodes: ['wait'] } })
      expect(error.message).toContain('"wait"')
      expect(signals[0]?.aborted).toBe(true)
      expect(signals[0]?.reason).toMatchObject({ code: 'PLB_RUN_DEADLINE' })
      const { roots } = await expectAsNew(pipeline, same, { flow })
      expect(roots?.aborted).toBe(1)
    }))

  test.each<[string, (open: Gate) => Pipeline, number, readonly string[]]>([
    ['in a call', (open) => chain({ in: 'std.inlet', a: same, b: waiting(open), c: same }).createPipeline(), 0, ['b']],
    [
      'in a queue',
      (open) => chain({ in: unfused('std.inlet'), a: unfused(same), b: unfused(waiting(open)) }).createPipeline(),
      1,
      ['b'],
    ],
    [
      'in front of the inlet',
      (open) => chain({ in: unfused('std.inlet'), b: unfused(waiting(open), { queueSize: 1 }) }).createPipeline(),
      4,
      ['in'],
    ],
    [
      'in a call, and in the store of a join',
      (open) =>
        plumberOf(
          { in: 'std.inlet', a: same, b: unfused(waiting(open)), join: same },
          region('a', 'b'),
        ).createPipeline(),
      0,
      ['b', 'join'],
    ],
    [
      'in two calls, and one of them twice',
      (open) =>
        plumberOf(
          {
            in: 'std.inlet',
            twice: (n: number) => [n, n].values(),
            a: unfused(waiting(open), { workers: 2 }),
            b: unfused(waiting(open)),
            merge,
          },
          { in: ['twice'], twice: ['a', 'b'], a: ['merge'], b: ['merge'] },
        ).createPipeline(),
      0,
      ['a', 'b'],
    ],
    [
      'in front of a fork without credit',
      (open) =>
        windowed(
          1,
          { in: unfused('std.inlet'), fork: unfused(same), a: same, b: unfused(waiting(open)), join: same },
          { in: ['fork'], fork: ['a', 'b'], a: ['join'], b: ['join'] },
        ).createPipeline(),
      1,
      ['fork'],
    ],
    [
      'in a batch',
      (open) =>
        chain({
          in: unfused('std.inlet'),
          a: unfused((n: number) => (n === 0 ? n : waiting(open)(n)), { workers: 2 }),
          batch: unfused(same, { batch: { size: 5, maxWaitMs: 5_000 } }),
        }).createPipeline(),
      0,
      ['batch'],
    ],
  ])('names where it was: %s', (_where, make, victim, expected) =>
    withTime(async ({ pass, flow }) => {
      const open = gate()
      const pipeline = make(open)
      const requests = range(5).map((n) => pipeline.processAll(n, n === victim ? { timeoutMs: 100 } : {}))
      const answers = answersOf(requests)
      await pass(100)
      const error = await failureOf(() => requests[victim])
      expect(error.code).toBe('PLB_RUN_DEADLINE')
      expect([...(detailOf(error, 'nodes') as string[])].toSorted()).toEqual(expected)
      open.open()
      const all = await flow(answers)
      for (const [n, answer] of all.entries()) expect('value' in answer, `request ${n}`).toBe(n !== victim)
      await turns()
      expectNothingInside(pipeline)
      await flow(pipeline.drain())
    }),
  )

  test('means nothing to a request that is answered, failed or cancelled sooner', () =>
    withTime(async ({ clock }) => {
      const open = gate()
      const wait = (n: number) => (n === 2 ? open.opened : refuse(n))
      const pipeline = chain({ in: 'std.inlet', wait: having({ workers: 2 }, wait), out: same }).createPipeline()
      const timeoutMs = 1_000
      expect(await pipeline.process(1, { timeoutMs })).toBe(1)
      expect((await failureOf(() => pipeline.process(-1, { timeoutMs }))).code).toBe('PLB_NODE_FAILED')
      expect((await failureOf(() => pipeline.process({} as never, { timeoutMs, node: 'nobody' }))).code).toBe(
        'PLB_OPTION_INVALID',
      )
      const asked = ask(pipeline, 2, { timeoutMs })
      await turns()
      asked.cancel('enough')
      await expectCancelled(asked, 'enough')
      expect(clock.timers.filter((timer) => timer.hasRef())).toEqual([])
      open.open()
      expect((await pipeline.drain()).outcome).toBe('completed')
      expect(clock.timers).toEqual([])
    }))

  test('does not keep the process alive once it has its answer', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
    const pipeline = chain({ in: 'std.inlet', out: same }).createPipeline()
    const before = timers()
    expect(await pipeline.process(1, { timeoutMs: 10_000 })).toBe(1)
    expect(timers()).toBe(before)
    await pipeline.drain()
  })

  test('runs from the call of process on, one for each request', () =>
    withTime(async ({ pass, clock }) => {
      const open = gate()
      const pipeline = chain({ in: 'std.inlet', wait: unfused(waiting(open)) }).createPipeline()
      const ended: [number, number][] = []
      const note = (n: number) => (error: unknown) => {
        expect(error).toMatchObject({ code: 'PLB_RUN_DEADLINE' })
        ended.push([n, clock.now])
      }
      pipeline.process(1, { timeoutMs: 300 }).catch(note(1))
      await pass(50)
      pipeline.process(2, { timeoutMs: 100 }).catch(note(2))
      pipeline.process(3, { timeoutMs: 200 }).catch(note(3))
      await pass(1_000)
      expect(ended).toEqual([
        [2, 150],
        [3, 250],
        [1, 300],
      ])
      open.open()
      await pipeline.drain()
    }))

  test('does not count as an error of the run', () =>
    withTime(async ({ pass }) => {
      const open = gate()
      const pipeline = chain({ in: 'std.inlet', wait: unfused(waiting(open)) }).createPipeline()
      const asked = failureOf(() => pipeline.process(1, { timeoutMs: 10 }))
      await pass(10)
      await asked
      open.open()
      const report = await pipeline.drain()
      expect(report).toMatchObject({ outcome: 'completed', errors: [] })
      expect(nodeOf(report, 'wait')).toMatchObject({ failed: 0, unprocessed: 1, late: 1 })
    }))
})

describe('more requests than maxInFlight', () => {
  /** Three may be in flight; their calls wait. */
  function three(options: Readonly<Record<string, unknown>> = {}, wait?: (n: number, ctx: Context) => unknown) {
    const open = gate()
    const begun: number[] = []
    const work = (n: number, ctx: Context): unknown => {
      begun.push(n)
      return (wait ?? waiting(open))(n as never, ctx)
    }
    const stages = { in: 'std.inlet', work: unfused(work, { workers: 10, ordered: false }), out: same }
    return { open, begun, pipeline: chain(stages).createPipeline({ maxInFlight: 3, ...options }) }
  }

  test('are refused at once with PLB_RUN_OVERLOADED, which HTTP understands', async () => {
    const { open, begun, pipeline } = three()
    const requests = range(3).map((n) => pipeline.process(n))
    for (const method of ['process', 'processAll'] as const) {
      const error = await failureOf(() => pipeline[method](9))
      expect(error).toMatchObject({ code: 'PLB_RUN_OVERLOADED', name: 'PipelineError', statusCode: 503 })
      const { headers } = error as unknown as { headers: Record<string, unknown> }
      expect(Object.keys(headers)).toEqual(['retry-after'])
      expect(String(headers['retry-after'])).toMatch(/^[1-9]\d*$/)
    }
    open.open()
    expect(await Promise.all(requests)).toEqual([0, 1, 2])
    expect(begun).toEqual([0, 1, 2])
    // There is room again.
    expect(await Promise.all(range(3).map((n) => pipeline.process(n)))).toEqual([0, 1, 2])
    const report = await pipeline.drain()
    expect(report).toMatchObject({ outcome: 'completed', errors: [] })
    expect(report.roots).toMatchObject({ delivered: 6, aborted: 0, errored: 0 })
  })

  test('are 1,025 by default', async () => {
    const open = gate()
    const pipeline = chain({ in: 'std.inlet', wait: waiting(open) }).createPipeline()
    const requests = range(1_024).map((n) => pipeline.process(n))
    expect((await failureOf(() => pipeline.process(1_024))).code).toBe('PLB_RUN_OVERLOADED')
    open.open()
    expect(await Promise.all(requests)).toEqual(range(1_024))
    expect(await pipeline.process(1)).toBe(1)
    await pipeline.drain()
  })

  test.each<[string, (n: number, ctx: Context) => unknown, (controller: AbortController) => unknown]>([
    ['fails', () => Promise.reject(new Error('no')), () => {}],
    ['is filtered', () => DROP, () => {}],
    ['is cancelled, and obeys', (_, { signal }) => aborted(signal), (controller) => controller.abort()],
    ['is cancelled, and does not obey', () => new Promise(() => {}), (controller) => controller.abort()],
  ])('may be in flight again as soon as one of them %s', async (_what, wait, abort) => {
    const open = gate()
    const held = waiting(open)
    const { pipeline } = three({ graceMs: 1 }, (n, ctx) => (n === 1 ? wait(n, ctx) : held(n)))
    const controller = new AbortController()
    const requests = range(3).map((n) => pipeline.process(n, n === 1 ? { signal: controller.signal } : {}))
    requests[1]?.catch(() => {})
    await turns()
    abort(controller)
    await failureOf(() => requests[1])
    const more = pipeline.process(7)
    expect((await failureOf(() => pipeline.process(8))).code).toBe('PLB_RUN_OVERLOADED')
    open.open()
    expect(await more).toBe(7)
    await pipeline.doomsday()
  })

  test('are not made of those that were refused for other reasons', async () => {
    const { open, pipeline } = three()
    for (const options of [{ trace: true }, { node: 'nobody' }, { signal: AbortSignal.abort() }])
      for (let n = 0; n < 5; n++) await failureOf(() => pipeline.process(n, options as never))
    open.open()
    expect(await Promise.all(range(3).map((n) => pipeline.process(n)))).toEqual([0, 1, 2])
    await pipeline.drain()
  })

  test('wait if asked, and are served first come, first served', async () => {
    const gates = range(9).map(gate)
    const { begun, pipeline } = three({ overload: 'wait' }, async (n) => {
      await gates[n]?.opened
      return n
    })
    const requests = range(9).map((n) => pipeline.process(n))
    await turns()
    expect(begun).toEqual([0, 1, 2])
    gates[1]?.open()
    expect(await requests[1]).toBe(1)
    await turns()
    expect(begun).toEqual([0, 1, 2, 3])
    for (const n of [3, 0, 2]) gates[n]?.open()
    await turns()
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6])
    for (const { open } of gates) open()
    expect(await Promise.all(requests)).toEqual(range(9))
    expect(begun).toEqual(range(9))
    await pipeline.drain()
  })

  test('that wait may be cancelled, and leave their place to the next', async () => {
    const { open, begun, pipeline } = three({ overload: 'wait' })
    const requests = range(8).map((n) => ask(pipeline, n))
    await turns()
    for (const n of [3, 5]) {
      requests[n]?.cancel(n)
      await expectCancelled(requests[n] as never, n)
    }
    expect(begun).toEqual([0, 1, 2])
    open.open()
    const others = requests.filter((_, n) => n !== 3 && n !== 5)
    expect(await Promise.all(others.map(({ answer }) => answer))).toEqual([0, 1, 2, 4, 6, 7])
    expect(begun).toEqual([0, 1, 2, 4, 6, 7])
    const report = await pipeline.drain()
    expect(nodeOf(report, 'in').received).toBe(6)
    expect(report.roots).toMatchObject({ delivered: 6 })
  })

  test('that wait are let in when one in flight is cancelled', async () => {
    const { open, begun, pipeline } = three({ overload: 'wait' })
    const requests = range(5).map((n) => ask(pipeline, n))
    await turns()
    requests[0]?.cancel('enough')
    await turns()
    expect(begun).toEqual([0, 1, 2, 3])
    open.open()
    expect(await Promise.all(requests.slice(1).map(({ answer }) => answer))).toEqual([1, 2, 3, 4])
    await pipeline.drain()
  })

  test('that wait have their deadline too', () =>
    withTime(async ({ pass }) => {
      const { open, begun, pipeline } = three({ overload: 'wait' })
      const requests = range(3).map((n) => pipeline.process(n))
      const waiting = failureOf(() => pipeline.process(3, { timeoutMs: 100 }))
      await pass(100)
      expect((await waiting).code).toBe('PLB_RUN_DEADLINE')
      open.open()
      await Promise.all(requests)
      expect(await pipeline.process(4)).toBe(4)
      expect(begun).toEqual([0, 1, 2, 4])
      await pipeline.drain()
    }))

  test('that wait get the error of the run', async () => {
    const { open, begun, pipeline } = three({ overload: 'wait' })
    const answers = answersOf(range(6).map((n) => pipeline.process(n)))
    await turns()
    const dooming = pipeline.doomsday('power cut')
    for (const answer of await answers)
      expect(answer).toMatchObject({ error: { code: 'PLB_RUN_DOOMED', cause: 'power cut' } })
    open.open()
    expectBalancedBooks(await dooming, ['in'])
    expect(begun).toEqual([0, 1, 2])
  })

  test('that wait while the pipeline is drained are either answered or told', async () => {
    const { open, pipeline } = three({ overload: 'wait' })
    const answers = answersOf(range(6).map((n) => pipeline.process(n)))
    await turns()
    const draining = pipeline.drain()
    open.open()
    const all = await answers
    expect(all.slice(0, 3)).toEqual([0, 1, 2].map((value) => ({ value })))
    for (const [n, answer] of all.entries())
      if ('value' in answer) expect(answer.value).toBe(n)
      else expect(answer.error.code).toBe('PLB_STATE_NOT_RUNNING')
    const report = await draining
    expect(report).toMatchObject({ outcome: 'completed', unprocessed: [] })
    expect(nodeOf(report, 'in').received).toBe(all.filter((answer) => 'value' in answer).length)
  })

  test('that wait listen to their signals, and do not any more when they have ended', async () => {
    const { open, pipeline } = three({ overload: 'wait' })
    const { signal } = new AbortController()
    const requests = range(6).map((n) => pipeline.process(n, { signal }))
    await turns()
    expect(getEventListeners(signal, 'abort').length).toBeGreaterThan(0)
    open.open()
    await Promise.all(requests)
    await turns()
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await pipeline.drain()
  })

  test('let a graph of small windows flow, one by one', async () => {
    const nodes = { in: 'std.inlet', a: late(same), b: unfused(late(same), { queueSize: 1 }), join: first }
    const pipeline = windowed(1, nodes, region('a', 'b')).createPipeline({ maxInFlight: 1, overload: 'wait' })
    expect(await Promise.all(range(100).map((n) => pipeline.process(n)))).toEqual(range(100))
    await pipeline.drain()
  })
})

test('a failure of a request fails neither the run nor what was put', async () => {
  const seen = outputs()
  const pipeline = chain({ in: 'std.inlet', refuse: late(refuse), out: same }).createPipeline(seen.options)
  const failing = answersOf([-1, -2].map((n) => pipeline.process(n)))
  for (const n of [1, 2, 3]) await pipeline.put(n)
  await failing
  await soon(() => seen.values.length === 3)
  const report = await pipeline.drain()
  // Whoever asked was told.
  expect(report).toMatchObject({ outcome: 'completed', errors: [] })
  expect(nodeOf(report, 'refuse')).toMatchObject({ received: 5, completed: 3, failed: 2 })
  expect(seen.values).toEqual([1, 2, 3])
  expectBalancedBooks(report, ['in'])
})

test('rejections of requests are only the caller’s: nothing is left unhandled', async () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown): unknown => unhandled.push(reason)
  process.on('unhandledRejection', note)
  const controller = new AbortController()
  const pipeline = chain({ in: 'std.inlet', refuse: late(refuse), out: same }).createPipeline()
  const requests = [-1, -2, 3].map((n) => pipeline.process(n, { signal: controller.signal }))
  await Promise.allSettled(requests)
  const late1 = pipeline.process(4, { signal: controller.signal })
  controller.abort()
  await failureOf(() => late1)
  await pipeline.doomsday()
  await turns()
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})
