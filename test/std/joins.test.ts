import { Plumber } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { describe, expect, test } from 'vitest'
import { failureOf } from '../support/blackbox.js'
import { through, valuesOf } from './ready.js'

type Branch = (n: number) => unknown

/** Sends numbers through branches, and joins them in a ready coroutine. */
function joined(
  coro: object,
  branches: Readonly<Record<string, Branch>>,
  properties: object = {},
): Promise<readonly unknown[]> {
  const names = Object.keys(branches)
  const between = names.map((name) => [name, { coro: name }])
  const nodes = { numbers: { coro: 'std.inlet' }, ...Object.fromEntries(between), join: { ...coro, properties } }
  const graph = { numbers: names, ...Object.fromEntries(names.map((name) => [name, ['join']])) }
  return valuesOf(new Plumber({ nodes, graph }, { coroMap: [std, branches] }), [1, 2, 3])
}

const several = { collect: 'all', missing: 'partial' }
const none: Branch = () => [].values()
const twice: Branch = (n) => [n, -n].values()
const tens: Branch = (n) => 10 * n

describe('std.seq', () => {
  const seq = { coro: 'std.seq' }

  test('gives all that the branches have given, item by item, in the order of the branches', async () => {
    expect(await joined(seq, { tens, twice }, several)).toEqual([10, 1, -1, 20, 2, -2, 30, 3, -3])
  })

  test('passes over a branch that gave nothing', async () => {
    expect(await joined(seq, { none, tens }, several)).toEqual([10, 20, 30])
    expect(await joined(seq, { none, empty: none }, several)).toEqual([])
  })

  test('leaves lists that a branch has given as they are', async () => {
    const list: Branch = (n) => [n, n]
    expect(await joined(seq, { list, tens }, several)).toEqual([[1, 1], 10, [2, 2], 20, [3, 3], 30])
  })

  test('says so where the join collects no lists', async () => {
    const { cause } = await failureOf(() => joined(seq, { tens, same: (n) => n }))
    expect(cause).toMatchObject({ message: expect.stringContaining('Set "collect": "all" and "missing": "partial".') })
  })
})

describe('std.zip', () => {
  const zip = (names?: readonly string[]) => ({ coro: 'std.zip', ...(names && { args: { names } }) })

  test('gives the parts as a list, in the order of the inputs', async () => {
    const rows = await joined(zip(), { tens, same: async (n) => n })
    expect(rows).toEqual([
      [10, 1],
      [20, 2],
      [30, 3],
    ])
  })

  test('gives an object, if it has names', async () => {
    expect(await joined(zip(['ten', 'one']), { tens, same: (n) => n })).toEqual([
      { ten: 10, one: 1 },
      { ten: 20, one: 2 },
      { ten: 30, one: 3 },
    ])
  })

  test('takes any name for a key', async () => {
    const [first] = await joined(zip(['__proto__', 'one']), { tens, same: (n) => n })
    expect(Object.entries(first as object)).toEqual([
      ['__proto__', 10],
      ['one', 1],
    ])
    expect(Object.getPrototypeOf(first)).toBe(Object.prototype)
  })

  test('says so where it has too few names, or too many', async () => {
    const { cause } = await failureOf(() => joined(zip(['ten']), { tens, same: (n) => n }))
    expect(cause).toMatchObject({ message: '"std.zip" has 1 names for 2 inputs. Give one for each.' })
  })
})

test.each(['seq', 'zip'])('std.%s says so where there is nothing to join', async (coro) => {
  const { cause } = await failureOf(() => through(coro, [5]))
  expect(cause).toMatchObject({
    message: `"std.${coro}" got 5, and takes what a join hands over. Give its node several inputs.`,
  })
})
