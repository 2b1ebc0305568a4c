import { DROP } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { chain, from, nodeOf, range, same, turns, unfused } from '../support/blackbox.js'
import { expectBalancedBooks } from '../support/books.js'

describe('DROP', () => {
  test('is the same symbol in every copy of the package', () => {
    expect(DROP).toBe(Symbol.for('@pipelines/drop'))
  })

  test.each([
    ['returned', (n: number) => (n > 1 ? n : DROP)],
    ['returned later', async (n: number) => (n > 1 ? n : DROP)],
  ])('%s is no output', async (_how, coro) => {
    const plumber = chain({ src: from(1, 2, 3), mid: coro, out: same })
    expect(await plumber.collect()).toEqual([2, 3])
    const report = await plumber.run()
    expect(nodeOf(report, 'mid')).toMatchObject({ received: 3, completed: 3, emitted: 2, dropped: 1 })
    expectBalancedBooks(report, [])
  })

  test('at a leaf is no output, and nothing dropped', async () => {
    const plumber = chain({ src: from(1, 2), out: (n: number) => (n === 1 ? DROP : n) })
    expect(await plumber.collect()).toEqual([2])
    expect(nodeOf(await plumber.run(), 'out')).toMatchObject({ completed: 2, emitted: 1, dropped: 0 })
  })
})

describe('what a coroutine returns', () => {
  test.each<[string, unknown]>([
    ['a list', [1, 2]],
    ['a Set', new Set([1])],
    ['a Map', new Map([[1, 2]])],
    ['a string', 'abc'],
    ['null', null],
    ['false', false],
    ['zero', 0],
    ['a symbol', Symbol.iterator],
    ['an Error', new Error('as a value')],
    ['an object with next', { next: 1 }],
    ['an object with next but no iterator', { next: () => ({ done: true, value: 1 }) }],
    ['an iterable that is no iterator', { [Symbol.iterator]: () => [1][Symbol.iterator]() }],
  ])('%s is one output', async (_what, value) => {
    for (const coro of [() => value, async () => value]) {
      const [output, ...others] = await chain({ src: from(1), mid: coro, out: same }).collect()
      expect(output).toBe(value)
      expect(others).toEqual([])
    }
  })

  test('undefined is an output too, except at a leaf', async () => {
    const plumber = chain({ src: from(1), mid: () => undefined, out: (value: unknown) => [value] })
    expect(await plumber.collect()).toEqual([[undefined]])
    expect(await chain({ src: from(1), out: () => undefined }).collect()).toEqual([])
  })
})

describe('a generator', () => {
  function* countTo(n: number) {
    for (let value = 1; value <= n; value++) yield value
  }
  async function* countLater(n: number) {
    for (const value of countTo(n)) {
      await turns(1)
      yield value
    }
  }
  const forms: [string, (n: number) => unknown][] = [
    ['sync', countTo],
    ['async', countLater],
    ['out of a promise, sync', async (n) => countTo(n)],
    ['out of a promise, async', async (n) => countLater(n)],
    [
      'made by hand',
      (n) =>
        range(n + 1)
          .slice(1)
          .values(),
    ],
  ]

  test.each(forms)('(%s) is expanded', async (_form, coro) => {
    const plumber = chain({ src: from(2, 0, 3), many: coro, out: same })
    expect(await plumber.collect()).toEqual([1, 2, 1, 2, 3])
    const report = await plumber.run()
    expect(nodeOf(report, 'many')).toMatchObject({ received: 3, completed: 3, emitted: 5, dropped: 1 })
    expectBalancedBooks(report, [])
  })

  test.each(forms)('(%s) is expanded at a leaf too', async (_form, coro) => {
    expect(await chain({ src: from(2, 1), many: coro }).collect()).toEqual([1, 2, 1])
  })

  test.each(forms)('(%s) keeps the order of its inputs with many workers', async (_form, coro) => {
    const plumber = chain({ src: from(...range(12)), many: unfused(coro, { workers: 5 }), out: same })
    expect(await plumber.collect()).toEqual(range(12).flatMap((n) => range(n + 1).slice(1)))
  })

  test('that throws midway fails its item', async () => {
    function* half(n: number) {
      yield n
      if (n === 2) throw new Error('half way')
      yield n
    }
    const report = await chain({
      src: from(1, 2, 3),
      half: { coro: half, properties: { onError: 'skip' } },
      out: same,
    }).run()
    expect(nodeOf(report, 'half')).toMatchObject({ received: 3, completed: 2, failed: 1 })
    expectBalancedBooks(report, [])
  })
})

describe('values are handed over by reference', () => {
  test('along the whole way', async () => {
    const value = { deep: [1] }
    expect((await chain({ src: from(value), a: same, b: same }).collect())[0]).toBe(value)
  })
})
