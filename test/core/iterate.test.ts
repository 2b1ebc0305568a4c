import { describe, expect, test } from 'vitest'
import { Draw, END, isGenerator, isThenable, iteratorOf } from '../../packages/core/src/iterate.js'
import { Scope } from '../../packages/core/src/packet.js'
import { range } from '../support/plans.js'
import { settlesSoon } from '../support/turns.js'

const scope = new Scope()
const generator = function* (): Generator<number> {
  yield 1
}
const late = async function* (): AsyncGenerator<number> {
  yield 1
}

test.each([
  ['a promise', Promise.resolve(), true],
  ['an object with "then"', Object.fromEntries([['then', () => {}]]), true],
  ['a function with "then"', Object.assign(() => {}, Object.fromEntries([['then', () => {}]])), true],
  ['an object whose "then" is no function', Object.fromEntries([['then', 1]]), false],
  ['null', null, false],
  ['undefined', undefined, false],
  ['a string', 'then', false],
])('%s is awaited: %#', (_, value, expected) => {
  expect(isThenable(value)).toBe(expected)
})

test('"then" is read once where it is no function', () => {
  let reads = 0
  const counted = new Proxy({}, { has: () => true, get: () => void reads++ })
  expect([isThenable(counted), reads]).toEqual([false, 1])
})

test.each([
  ['a generator', generator(), true],
  ['an asynchronous generator', late(), true],
  ['an iterator of an array', [1].values(), true],
  ['an array', [1], false],
  ['a set', new Set(), false],
  ['an object with "next" that is not iterable', { next: () => {} }, false],
  ['null', null, false],
])('%s is expanded: %#', (_, value, expected) => {
  expect(isGenerator(value)).toBe(expected)
})

test('the iterator of a value is asynchronous before synchronous, and a string has none', () => {
  const both = {
    *[Symbol.iterator]() {
      yield 'now'
    },
    async *[Symbol.asyncIterator]() {
      yield 'late'
    },
  }
  expect(iteratorOf(both)?.next()).toBeInstanceOf(Promise)
  expect(iteratorOf([7])?.next()).toEqual({ value: 7, done: false })
  expect(['text', 7, null, undefined, {}].map(iteratorOf)).toEqual(range(5).map(() => undefined))
})

describe('drawing', () => {
  test('gives the values, then END for ever', () => {
    const draw = new Draw(generator(), scope)
    expect([draw.next(), draw.next(), draw.next()]).toEqual([1, END, END])
  })

  test('gives promises where the iterator is asynchronous or the value is a promise', async () => {
    const draws = [new Draw(late(), scope), new Draw([Promise.resolve(1)].values(), scope)]
    for (const draw of draws) expect([await draw.next(), await draw.next()]).toEqual([1, END])
  })

  test('refuses an iterator that gives no result objects', () => {
    const draw = new Draw({ next: () => 7 as never }, scope)
    expect(() => draw.next()).toThrow(TypeError)
  })

  test('closes exactly once, whoever asks and how often', async () => {
    let closed = 0
    const iterator = { next: () => ({ done: false, value: 1 }), return: () => ({ done: true, value: ++closed }) }
    const draw = new Draw(iterator, scope)
    draw.next()
    await Promise.all([draw.close(), draw.close()])
    await draw.close()
    expect([closed, draw.next()]).toEqual([1, END])
  })

  test('does not close what has ended by itself', async () => {
    let closed = 0
    const draw = new Draw(
      { next: () => ({ done: true, value: undefined }), return: () => ({ done: true, value: ++closed }) },
      scope,
    )
    draw.next()
    await draw.close()
    expect(closed).toBe(0)
  })

  test('from something that cannot be closed just stops', async () => {
    const draw = new Draw({ next: () => ({ done: false, value: 1 }) }, scope)
    await draw.close()
    expect(draw.next()).toBe(END)
  })

  test('hands on what closing throws', async () => {
    const bad = function* (): Generator<number> {
      try {
        yield 1
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: the case under test
        throw new Error('mine')
      }
    }
    const draw = new Draw(bad(), scope)
    draw.next()
    await expect(draw.close()).rejects.toThrow('mine')
  })

  test('from a generator that is closed from inside itself closes it afterwards', async () => {
    let cleaned = false
    const drawn: Draw[] = []
    const itself = function* (): Generator<number> {
      try {
        void drawn[0]?.close()
        yield 1
        yield 2
      } finally {
        cleaned = true
      }
    }
    const draw = new Draw(itself(), scope)
    drawn.push(draw)
    expect(draw.next()).toBe(1)
    await settlesSoon(Promise.resolve())
    await draw.close()
    expect(cleaned).toBe(true)
  })
})
