import type { Context } from '@pipelines/core'
import {
  as,
  batch,
  broadcast,
  by,
  filter,
  iter,
  map,
  nest,
  parallel,
  Stage,
  seq,
  step,
  zip,
} from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { failureOf, range } from '../support/blackbox.js'

const double = (n: number): number => n * 2
const negative = (n: number): number => -n
const inc = (n: number): number => n + 1
const isEven = (n: number): boolean => n % 2 === 0
const sorted = (values: unknown[]): unknown[] => values.sort((a, b) => Number(a) - Number(b))

class Add extends Stage<number, number, [amount: number]> {
  override do(n: number): void {
    this.put(n + this.args[0])
  }
}

/** Passes items on; the first one waits until the second one has left. */
function overtaken(): (n: number) => Promise<number> {
  const second = gate()
  return async (n) => {
    if (n === 0) await second.opened
    else second.open()
    return n
  }
}

test('members follow one another', async () => {
  expect(await nest(iter([1, 2]), inc, double).list()).toEqual([4, 6])
})

test('an array is a chain, and a nest in a nest too', async () => {
  expect(await nest(iter([1, 2]), [inc, [double]], nest(inc, nest(double))).list()).toEqual([10, 14])
})

test('a broadcast gives every item to every member', async () => {
  expect(sorted(await nest(iter([1, 2]), broadcast(double, [inc, negative])).list())).toEqual([-3, -2, 2, 4])
})

test('what follows a broadcast gets the items of all members', async () => {
  expect(sorted(await nest(iter([1, 2]), broadcast(double, negative), inc).list())).toEqual([-1, 0, 3, 5])
})

test('two broadcasts in a row multiply', async () => {
  expect(await nest(iter([1]), broadcast(inc, inc), broadcast(double, double, double)).list()).toEqual(Array(6).fill(4))
})

test('in parallel, each item goes to one member', async () => {
  const items = await nest(iter(range(50)), parallel(double, [double], nest(double))).list()
  expect(sorted(items)).toEqual(range(50).map(double))
})

test('in parallel, whoever is free takes the next item', async () => {
  const busy = gate()
  const seen: number[] = []
  const slow = async (n: number) => {
    await busy.opened
    return n
  }
  const quick = (n: number) => {
    if (seen.push(n) === 9) busy.open()
    return n
  }
  expect(await nest(iter(range(10)), parallel(slow, quick)).list()).toHaveLength(10)
  expect(seen).toHaveLength(9)
})

test('the same function twice in parallel is two at once, in order of completion', async () => {
  const slow = overtaken()
  expect(await nest(iter([0, 1]), parallel(slow, slow)).list()).toEqual([1, 0])
})

test('a group of several may stand in parallel to a function', async () => {
  const items = await nest(
    iter(range(20)),
    parallel(broadcast(inc, inc), [zip(inc, inc), (pair: number[]) => pair]),
  ).list()
  const flat = items.map((item) => (Array.isArray(item) ? item : [item]))
  expect(sorted(flat.flat())).toEqual(range(20).flatMap((n) => [n + 1, n + 1]))
})

test('sources stand in parallel, each with items of its own', async () => {
  expect(sorted(await nest(parallel(iter([1, 2]), iter([3]))).list())).toEqual([1, 2, 3])
})

test('the first function makes the items', async () => {
  function* three() {
    yield* [1, 2, 3]
  }
  expect(await nest(three, double).list()).toEqual([2, 4, 6])
})

test('as makes stages that share the items, each with what it is constructed with', async () => {
  const made: Add[] = []
  class Noted extends Add {
    constructor(amount: number) {
      super(amount)
      made.push(this)
    }
  }
  expect(sorted(await nest(iter(range(9)), as(3, Noted, 10)).list())).toEqual(range(9).map((n) => n + 10))
  expect(made).toHaveLength(3)
  expect(made.every(({ finished }) => finished)).toBe(true)
})

test('by makes stages that all get every item', async () => {
  expect(sorted(await nest(iter([1, 2]), by(3, Add, 10)).list())).toEqual([11, 11, 11, 12, 12, 12])
})

test('as and by take a function that makes a member', async () => {
  const adder = (amount: number) => (n: number) => n + amount
  expect(await nest(iter([1]), by(2, adder, 5), as(2, adder, 1)).list()).toEqual([7, 7])
})

test('stages without input are sources, each of its own', async () => {
  class Two extends Stage<never, number> {
    override async setup() {
      await this.put(1)
      await this.put(2)
    }
  }
  expect(sorted(await nest(as(2, Two)).list())).toEqual([1, 1, 2, 2])
})

test.each([
  ['a function', () => parallel(same, same)],
  ['different functions', () => parallel(same, (n: number) => same(n))],
  ['stages', () => as(2, Same)],
])('seq restores the order behind %s in parallel', async (_, members) => {
  slow = overtaken()
  expect(await nest(iter(range(8)), seq(members())).list()).toEqual(range(8))
})
let slow: (n: number) => Promise<number>
const same = (n: number) => slow(n)
class Same extends Stage<number, number> {
  override async do(n: number) {
    this.put(await slow(n))
  }
}

test('seq skips what is dropped inside, and keeps what is added', async () => {
  const some = function* (n: number) {
    for (let k = 0; k < n % 3; k++) yield n
  }
  const items = await nest(iter(range(6)), seq(broadcast(some, filter(isEven)), inc)).list()
  expect(items).toEqual([1, 2, 3, 3, 3, 5, 5, 6, 6])
})

test('seq at the beginning keeps the order of its first member', async () => {
  expect(await nest(seq(iter(range(5)), parallel(inc, [inc]))).list()).toEqual([1, 2, 3, 4, 5])
})

test('zip gives rows in the order of its members, whatever the values', async () => {
  const items = await nest(
    iter([1, 2]),
    zip(negative, (n: number) => ({ n }), [inc, double]),
  ).list()
  expect(items).toEqual([
    [-1, { n: 1 }, 4],
    [-2, { n: 2 }, 6],
  ])
})

test('zip leaves a row out where a member gives nothing', async () => {
  expect(await nest(iter(range(5)), zip(double, filter(isEven))).list()).toEqual([
    [0, 0],
    [4, 2],
    [8, 4],
  ])
})

test('zip fails where a member gives several items for one', async () => {
  const error = await failureOf(() => nest(iter([1]), zip(double, broadcast(inc, inc))).run())
  expect(error.cause ?? error).toMatchObject({ code: 'PLB_NODE_CARDINALITY' })
})

test('zip of members that are several nodes waits for one item of them', async () => {
  expect(await nest(iter([1, 2]), broadcast(inc, inc), zip(double, parallel(inc, [inc]))).list()).toHaveLength(4)
})

test('zip of sources pairs them up to the end of the shortest', async () => {
  expect(await nest(zip(iter([1, 2, 3]), iter(['a', 'b']))).list()).toEqual([
    [1, 'a'],
    [2, 'b'],
  ])
})

test('zip of one member gives lists of one', async () => {
  expect(await nest(iter([1, 2]), zip(double)).list()).toEqual([[2], [4]])
})

test('zip keeps the meta of all its members', async () => {
  const noted = (key: string) => (n: number, ctx: Context) => ctx.emit('out', n, { meta: { [key]: n } })
  const seen: unknown[] = []
  await nest(iter([7]), zip(dropping(noted('a')), dropping(noted('b'))), (_: unknown, ctx) => seen.push(ctx.meta)).run()
  expect(seen).toEqual([{ a: 7, b: 7 }])
})
const dropping = (emit: (n: number, ctx: Context) => void) =>
  function* (n: number, ctx: Context) {
    emit(n, ctx)
    yield* []
  }

test('extra arguments follow the item', async () => {
  const within = (n: number, low: number, high: number): boolean => n >= low && n <= high
  const add = (n: number, amount: number, { node }: Context): string => `${node} ${n + amount}`
  expect(await nest(iter(range(9)), filter(within, 3, 4), map(add, 10)).list()).toEqual(['add 13', 'add 14'])
})

test('a batch is a list; the last one may be shorter', async () => {
  expect(await nest(iter(range(5)), batch(2)).list()).toEqual([[0, 1], [2, 3], [4]])
})

test('any value is an item, also null and undefined', async () => {
  const shown = (value: unknown): string => String(value)
  expect(await nest(iter([null, undefined, 0]), (value: unknown) => value, shown).list()).toEqual([
    'null',
    'undefined',
    '0',
  ])
})

test('a step has the properties of a node', async () => {
  const fails = (n: number) => {
    if (n === 1) throw new Error('no')
    return n
  }
  expect(await nest(iter(range(3)), step(fails, { onError: 'skip', name: 'risky' })).list()).toEqual([0, 2])
})

test('a nest runs once', async () => {
  const once = nest(iter([1]))
  await once.list()
  expect((await failureOf(() => once.list())).code).toBe('PLB_STATE_ALREADY_STARTED')
  expect(() => once.items()).toThrow('already been started')
})
