import { type CoroDefinition, DROP, defineCoro, isPipelineError, type SourceOutput } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { build } from '../../packages/plumber/src/build.js'
import { settlesSoon } from '../support/turns.js'

const number = { type: 'number' }

/** `run` as the engine would call it, in the middle of a chain unless said otherwise. */
function runOf(
  definition: object,
  { place = 'mid', validate = true, properties = {} }: { place?: string; validate?: boolean; properties?: object } = {},
): (input?: unknown) => unknown {
  const coro = defineCoro({ run: () => 1, ...definition } as CoroDefinition)
  const names = ['src', 'mid', 'out']
  const others = names.map((name) => [name, { coro: () => [] }])
  const nodes = { ...Object.fromEntries(others), [place]: { coro, properties } }
  const { plan, issues } = build({ nodes, graph: { src: ['mid'], mid: ['out'] } }, { validate })
  expect(issues).toEqual([])
  const bound = plan?.nodes[names.indexOf(place)]?.coro as
    | { run(input: unknown, context: unknown): unknown }
    | undefined
  return (input) => bound?.run(input, {})
}

const refused = expect.objectContaining({ code: 'PLB_CORO_TYPE' })

test('nothing is checked unless asked for', () => {
  expect(runOf({ input: number, run: (n: unknown) => n }, { validate: false })('x')).toBe('x')
})

test('an input that does not fit is an error of the item', () => {
  const run = runOf({ input: number, run: (n: number) => n + 1 })
  expect(run(1)).toBe(2)
  expect(() => run('x')).toThrow('Node "mid" was given an input that does not fit: it must be a number, got "x".')
})

test('a Standard Schema may transform both sides', () => {
  const schema = (change: (value: never) => unknown): object => ({
    '~standard': { version: 1, vendor: 'test', validate: (value: never) => ({ value: change(value) }) },
  })
  const run = runOf({ input: schema(Number), output: schema(String), run: (n: number) => n + 1 })
  expect(run('1')).toBe('2')
})

describe('an output is checked when it is', () => {
  test('a plain value', () => {
    expect(() => runOf({ output: number, run: () => 'x' })()).toThrow('gave an output that does not fit')
    expect(() => runOf({ output: number, run: () => [1] })()).toThrow('got an array of 1')
  })

  test('a promise', async () => {
    await expect(runOf({ output: number, run: async () => 'x' })()).rejects.toEqual(refused)
    expect(await runOf({ output: number, run: async () => 1 })()).toBe(1)
  })

  test('what a generator yields', () => {
    function* values(): Generator<unknown> {
      yield 1
      yield DROP
      yield 'x'
    }
    const results = runOf({ output: number, run: values })() as Generator<unknown>
    expect([results.next().value, results.next().value]).toEqual([1, DROP])
    expect(() => results.next()).toThrow(expect.toSatisfy(isPipelineError))
  })

  test('what a source puts, or holds', async () => {
    const puts = runOf({ output: number, run: (output: SourceOutput) => output.put('x') }, { place: 'src' })
    await expect(puts({ put: async () => {} })).rejects.toEqual(refused)
    const list = runOf({ output: number, run: () => [1, 'x'] }, { place: 'src' })() as Iterable<unknown>
    expect(() => [...list]).toThrow()
  })

  test('what a stream gives for what it takes', async () => {
    async function* run(inputs: AsyncIterable<number>): AsyncGenerator<unknown> {
      for await (const n of inputs) yield n > 1 ? 'x' : n
    }
    async function* inputs(): AsyncGenerator<unknown> {
      yield* [1, 2]
    }
    const results = runOf({ kind: 'stream', input: number, output: number, run })(inputs()) as AsyncGenerator<unknown>
    expect((await results.next()).value).toBe(1)
    await expect(results.next()).rejects.toEqual(refused)
  })
})

describe('where a call gets several items,', () => {
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)
  const each = { properties: { batch: { size: 2 } } }

  test.each<object>([{ batch: { size: 2, returns: 'one' } }, { window: { size: 2 } }, { stateful: 2 }])(
    'each of them is checked, and the one output: %j',
    (properties) => {
      const run = runOf({ input: number, output: number, run: sum }, { properties })
      expect(run([1, 2])).toBe(3)
      expect(() => run([1, 'x'])).toThrow('was given an input that does not fit: it must be a number, got "x"')
      expect(() => runOf({ output: number, run: () => [1] }, { properties })([1])).toThrow('got an array of 1')
    },
  )

  test('each of them and each output is checked in a batch that gives one for each', async () => {
    const run = runOf({ input: number, output: number, run: (list: number[]) => list.map((n) => n + 1) }, each)
    expect(run([1, 2])).toEqual([2, 3])
    expect(() => run([1, 'x'])).toThrow('was given an input that does not fit')
    const wrong = runOf({ output: number, run: () => [1, DROP, 'x'] }, each)
    expect(() => wrong([1, 2, 3])).toThrow('gave an output that does not fit: it must be a number, got "x"')
    expect(runOf({ output: number, run: () => [1, DROP] }, each)([1, 2])).toEqual([1, DROP])
    expect(await runOf({ output: number, run: async () => [1] }, each)([1])).toEqual([1])
    await expect(runOf({ output: number, run: async () => ['x'] }, each)([1])).rejects.toEqual(refused)
  })

  test('a result that is no list is left to the batch', () => {
    expect(runOf({ output: number, run: () => 'x' }, each)([1])).toBe('x')
  })
})

test('no output is no wrong output', () => {
  expect(runOf({ output: number, run: () => DROP })()).toBe(DROP)
  expect(runOf({ output: number, run: () => undefined }, { place: 'out' })()).toBeUndefined()
  expect(() => runOf({ output: number, run: () => undefined })()).toThrow()
})

test('a generator that is left early is closed', () => {
  let closed = false
  function* values(): Generator<number> {
    try {
      yield 1
      yield 2
    } finally {
      closed = true
    }
  }
  for (const _ of runOf({ output: number, run: values })() as Iterable<unknown>) break
  expect(closed).toBe(true)
})

test('a schema that cannot be used is an issue', () => {
  const coro = defineCoro({ input: { type: 'nummer' }, run: () => 1 })
  const { issues } = build({ nodes: { a: { coro: () => [] }, b: { coro } }, graph: { a: ['b'] } }, { validate: true })
  expect(issues).toEqual([expect.objectContaining({ code: 'PLB_CORO_TYPE', pointer: '/nodes/b/coro' })])
})

test('an iterator that waits is closed at once', async () => {
  let wake: (step: IteratorResult<unknown>) => void = () => {}
  const done = { done: true, value: undefined } as const
  const events = (): AsyncIterableIterator<unknown> => ({
    next: () =>
      new Promise((resolve) => {
        wake = resolve
      }),
    return: async () => {
      wake(done)
      return done
    },
    [Symbol.asyncIterator]() {
      return this
    },
  })
  const results = runOf({ kind: 'source', output: number, run: events }, { place: 'src' })() as AsyncIterable<unknown>
  const iterator = results[Symbol.asyncIterator]()
  const waiting = iterator.next()
  const closed = Promise.all([iterator.return?.(), waiting])
  expect(await settlesSoon(closed)).toBe(true)
  expect(await waiting).toMatchObject({ done: true })
})
