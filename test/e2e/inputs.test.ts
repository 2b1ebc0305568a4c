import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import {
  chain,
  endless,
  failureOf,
  from,
  nodeOf,
  plumberOf,
  reportOf,
  same,
  turns,
  until,
} from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

const echo = () => chain({ in: 'std.inlet', out: same })

/** Two inlets that are joined by position. */
const zipped = () => plumberOf({ left: 'std.inlet', right: 'std.inlet', out: same }, { left: ['out'], right: ['out'] })

function* generated() {
  yield* [1, 2, 3]
}

async function* generatedLater() {
  for (const n of [1, 2, 3]) {
    await turns(1)
    yield n
  }
}

test.each<[string, () => Iterable<unknown> | AsyncIterable<unknown>]>([
  ['a list', () => [1, 2, 3]],
  ['a Set', () => new Set([1, 2, 3])],
  ['a generator', generated],
  ['an async generator', generatedLater],
  ['a stream of Node', () => Readable.from([1, 2, 3])],
  ['a typed array', () => Uint8Array.of(1, 2, 3)],
])('%s goes into the only inlet', async (_what, input) => {
  expect(await echo().collect(input())).toEqual([1, 2, 3])
  const report = await echo().run(input())
  expect(nodeOf(report, 'in')).toMatchObject({ received: 3, completed: 3, emitted: 3 })
  expectBalancedBooks(report, ['in'])
})

test('an empty input is an input', async () => {
  expect(await echo().collect([])).toEqual([])
})

test('several inlets are given their inputs by name', async () => {
  const right = async function* () {
    yield* ['a', 'b']
  }
  const values = await zipped().collect({ left: [1, 2], right: right() })
  expect(values).toEqual([
    [1, 'a'],
    [2, 'b'],
  ])
})

test('inlets and sources can stand side by side', async () => {
  const plumber = plumberOf({ src: from(1, 2), in: 'std.inlet', out: same }, { src: ['out'], in: ['out'] })
  expect(await plumber.collect(['a', 'b'])).toEqual([
    [1, 'a'],
    [2, 'b'],
  ])
})

describe('is PLB_OPTION_INVALID before anything starts:', () => {
  let started = 0
  const note = () => {
    started++
    return [1]
  }
  const one = () => plumberOf({ src: note, in: 'std.inlet', out: same }, { src: ['out'], in: ['out'] })
  const two = () =>
    plumberOf(
      { src: note, left: 'std.inlet', right: 'std.inlet', out: same },
      { src: ['out'], left: ['out'], right: ['out'] },
    )
  const none = () => chain({ src: note, out: same })

  test.each([
    ['a string', one, 'abc'],
    ['a number', one, 42],
    ['null', one, null],
    ['an object without a name of an inlet', one, { nobody: [1] }],
    ['no input for an inlet', one, undefined],
    ['an input without an inlet', none, [1]],
    ['one input for two inlets', two, [1, 2]],
    ['a wrong name', two, { left: [1], right: [2], middle: [3] }],
    ['a missing name', two, { left: [1] }],
    ['a string for one of two inlets', two, { left: [1], right: 'abc' }],
    ['a name that every object has', two, { left: [1], right: [2], toString: [3] }],
  ])('%s', async (_what, make, input) => {
    started = 0
    for (const work of [
      () => make().run(input as never),
      () => make().collect(input as never),
      () =>
        make()
          .stream(input as never)
          [Symbol.asyncIterator]()
          .next(),
    ]) {
      expect((await failureOf(work)).code).toBe('PLB_OPTION_INVALID')
    }
    await turns()
    expect(started).toBe(0)
  })

  test('an input that is refused is not opened', async () => {
    const numbers = endless()
    await failureOf(() => two().run({ left: numbers.source(), wrong: [1] } as never))
    expect(numbers.read).toBe(0)
  })
})

test('an input that throws fails the run with its error as the cause', async () => {
  const boom = new Error('no more lines')
  function* input() {
    yield 1
    throw boom
  }
  const error = await failureOf(() => echo().run(input()))
  expect(error.cause).toBe(boom)
  expect(reportOf(error).outcome).toBe('failed')
  expectBalancedBooks(reportOf(error), ['in'])
})

test('a run that fails returns its input', async () => {
  const numbers = endless()
  const out = (n: number) => {
    if (n === 5) throw new Error('boom')
    return n
  }
  await failureOf(() => chain({ in: 'std.inlet', out }).run(numbers.source()))
  await until(() => numbers.closed)
})

test('an input is read no faster than the graph can take it', async () => {
  const numbers = endless()
  const controller = new AbortController()
  const stuck = () => new Promise((resolve) => controller.signal.addEventListener('abort', resolve, { once: true }))
  const running = chain({ in: 'std.inlet', out: stuck }).run(numbers.source(), { signal: controller.signal })
  const failed = failureOf(() => running)
  await turns(100)
  expect(numbers.read).toBeLessThan(300)
  controller.abort()
  expectBalancedBooks(reportOf(await failed), ['in'])
})
