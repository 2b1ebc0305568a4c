import { describe, expect, test } from 'vitest'
import { endless, failureOf, range } from '../support/blackbox.js'
import { lineOf, through, valuesOf } from './ready.js'

/** What is left of numbers that do not end, and how far they were read. */
async function ofEndless(coro: string, args: Readonly<Record<string, unknown>>) {
  const counted = endless()
  const plumber = lineOf([['inlet'], [coro, args]])
  return { values: await valuesOf(plumber, counted.source()), counted }
}

describe('std.take', () => {
  test.each([
    [2, [0, 1]],
    [3, [0, 1, 2]],
    [9, [0, 1, 2]],
  ])('passes on the first %i', async (count, first) => {
    expect(await through('take', range(3), { count })).toEqual(first)
  })

  test('ends what lies before it', async () => {
    const { values, counted } = await ofEndless('take', { count: 3 })
    expect([values, counted.closed]).toEqual([[0, 1, 2], true])
  })

  test('of 0 asks for nothing, and ends what lies before it', async () => {
    const { values, counted } = await ofEndless('take', { count: 0 })
    expect([values, counted.closed]).toEqual([[], true])
  })

  test('ends with its last item, and does not wait for another one', async () => {
    const pipeline = lineOf([['inlet'], ['take', { count: 1 }]]).createPipeline()
    await pipeline.put('only')
    expect(await pipeline.settled).toMatchObject({ outcome: 'completed', nodes: { take: { emitted: 1 } } })
  })
})

describe('std.takeWhile', () => {
  test.each<[how: string, fn: (n: number) => unknown]>([
    ['now', (n) => n < 3],
    ['late', async (n) => n < 3],
  ])('passes on up to the first no (%s), and ends what lies before it', async (_, fn) => {
    const { values, counted } = await ofEndless('takeWhile', { fn })
    expect([values, counted.closed]).toEqual([[0, 1, 2], true])
  })

  test('does not come back to what is true again', async () => {
    expect(await through('takeWhile', [1, 2, 9, 1], { fn: (n: number) => n < 3 })).toEqual([1, 2])
  })
})

describe('std.skip', () => {
  test.each([
    [0, [0, 1, 2]],
    [2, [2]],
    [9, []],
  ])('leaves out the first %i', async (count, rest) => {
    expect(await through('skip', range(3), { count })).toEqual(rest)
  })

  test('counts for all workers together', async () => {
    expect(await through('skip', range(8), { count: 3 }, { workers: 3 })).toEqual([3, 4, 5, 6, 7])
  })
})

describe('std.distinct', () => {
  test('leaves out what has been there', async () => {
    expect(await through('distinct', [1, 2, 1, '1', null, undefined, null, 2])).toEqual([1, 2, '1', null])
  })

  test('compares as a Set does: NaN is one value, 0 and -0 are one, and objects are what they are', async () => {
    const one = {}
    expect(await through('distinct', [Number.NaN, Number.NaN, 0, -0, one, {}, one])).toEqual([Number.NaN, 0, {}, {}])
  })

  test.each<[how: string, fn: (word: string) => unknown]>([
    ['now', (word) => word.length],
    ['late', async (word) => word.length],
  ])('goes by a key, if it has a function for that (%s)', async (_, fn) => {
    expect(await through('distinct', ['a', 'bc', 'd', 'ef', 'ghi'], { fn })).toEqual(['a', 'bc', 'ghi'])
  })

  test('begins anew with each run', async () => {
    const line = lineOf([['inlet'], ['distinct']])
    expect([await valuesOf(line, [1, 1]), await valuesOf(line, [1, 1])]).toEqual([[1], [1]])
  })
})

describe('several workers would each keep an account of their own in', () => {
  test.each([
    ['take', { count: 1 }],
    ['takeWhile', { fn: () => true }],
    ['distinct', {}],
  ])('std.%s, which says so', async (coro, args) => {
    const { cause } = await failureOf(() => through(coro, [1, 2], args, { workers: 2 }))
    expect(cause).toMatchObject({
      code: 'PLB_OPTION_CONFLICT',
      message: expect.stringMatching(/^Node "\w+" has 2 workers, but .* Leave "workers" out\.$/),
    })
  })
})
