import { type Context, type CoroDefinition, DROP } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import * as coros from '../../packages/std/src/coros.js'
import { detailOf, failureOf } from '../support/blackbox.js'
import { given, through } from './ready.js'

const numbers = [1, 2, 3, 4]
const isEven = (n: number) => n % 2 === 0

describe('std.map', () => {
  test('gives what its function gives', async () => {
    expect(await through('map', numbers, { fn: (n: number) => 2 * n })).toEqual([2, 4, 6, 8])
  })

  test('waits for what its function promises, and keeps the order', async () => {
    const fn = async (n: number) => -n
    expect(await through('map', numbers, { fn }, { workers: 3 })).toEqual([-1, -2, -3, -4])
  })

  test('is as good as its function: DROP is no output, and a generator several', async () => {
    const fn = (n: number) => (isEven(n) ? DROP : [n, -n].values())
    expect(await through('map', numbers, { fn })).toEqual([1, -1, 3, -3])
  })
})

describe('std.filter', () => {
  test('keeps what its function finds true', async () => {
    expect(await through('filter', numbers, { fn: isEven })).toEqual([2, 4])
  })

  test('takes anything truthy for true, and anything else for false', async () => {
    const values = [1, 'a', {}, 0, '', null, Number.NaN]
    expect(await through('filter', values, { fn: (value: unknown) => value })).toEqual([1, 'a', {}])
  })

  test('waits for a promise of the answer: a promise of false is not true', async () => {
    expect(await through('filter', numbers, { fn: async (n: number) => isEven(n) }, { workers: 2 })).toEqual([2, 4])
  })
})

describe('std.each', () => {
  test('calls its function, in order, and has no output', async () => {
    const seen: unknown[] = []
    expect(await through('each', numbers, { fn: (n: number) => seen.push(n) })).toEqual([])
    expect(seen).toEqual(numbers)
  })

  test('waits for what its function does', async () => {
    const order: string[] = []
    const fn = async (n: number) => {
      order.push(`begins ${n}`)
      await undefined
      order.push(`ends ${n}`)
    }
    await through('each', [1, 2], { fn })
    expect(order).toEqual(['begins 1', 'ends 1', 'begins 2', 'ends 2'])
  })
})

describe('std.tee', () => {
  test('passes items on, whatever its function gives', async () => {
    const seen: unknown[] = []
    expect(await through('tee', numbers, { fn: (n: number) => seen.push(n) })).toEqual(numbers)
    expect(await through('tee', numbers, { fn: async () => DROP }, { workers: 2 })).toEqual(numbers)
    expect(seen).toEqual(numbers)
  })
})

test('std.pass passes everything on, and a batch as it is', async () => {
  const values = [1, 'a', null, { b: 2 }]
  expect(await through('pass', values)).toEqual(values)
  expect(await through('pass', [1, 2, 3], {}, { batch: { size: 2, returns: 'one' } })).toEqual([[1, 2], [3]])
})

describe.each(['map', 'filter', 'each', 'tee', 'flatMap', 'distinct', 'takeWhile'])(
  'the function of std.%s',
  (coro) => {
    const boom = new RangeError('boom')

    test.each<[how: string, fn: () => unknown]>([
      [
        'throws',
        () => {
          throw boom
        },
      ],
      ['rejects', () => Promise.reject(boom)],
    ])('that %s ends the run with its own error', async (_, fn) => {
      const error = await failureOf(() => through(coro, numbers, { fn }))
      expect([error.code, detailOf(error, 'node'), error.cause]).toEqual(['PLB_NODE_FAILED', coro, boom])
    })

    test('is told of the item and its context', async () => {
      const seen: unknown[] = []
      const fn = (value: unknown, { node, index }: Context) => {
        seen.push([value, node, index])
        return []
      }
      await through(coro, ['a', 'b'], { fn })
      expect(seen).toEqual([
        ['a', coro, 0],
        ['b', coro, 1],
      ])
    })
  },
)

describe.each(['filter', 'each', 'tee', 'takeWhile'])('std.%s', (coro) => {
  test('refuses a generator, which nobody would run', async () => {
    const fn = function* () {
      yield true
    }
    const error = await failureOf(() => through(coro, numbers, { fn }))
    expect(error.cause).toMatchObject({ name: 'TypeError', message: expect.stringContaining('"fn" is a generator') })
  })
})

describe('a plain function costs no promise in', () => {
  const plain = { map: coros.map, filter: coros.filter, each: coros.each, tee: coros.tee, pass: coros.pass }

  test.each(Object.entries<CoroDefinition<unknown>>(plain))('std.%s', (_, { run, setup, teardown }) => {
    const ctx = { args: { fn: () => 1 } } as unknown as Context
    expect(run(5, ctx)).not.toBeInstanceOf(Promise)
    expect(setup?.(ctx)).toBe(undefined)
    expect(teardown?.(ctx, undefined)).toBe(undefined)
  })
})

test('a source has no items before it, and what takes items has', async () => {
  expect(await failureOf(() => through('range', [1], { end: 1 }))).toMatchObject({ code: 'PLB_GRAPH_INVALID' })
  expect(await failureOf(() => given('pass', {}))).toMatchObject({ code: 'PLB_GRAPH_INVALID' })
})
