import { as, broadcast, filter, iter, nest, parallel, Stage, seq, zip } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { failureOf, range } from '../../support/blackbox.js'
import { AddX, double, holding, inc } from './members.js'

const isEven = (n: number): boolean => n % 2 === 0

test('M-38 seq gives the order back that members in parallel have lost', async () => {
  const member = holding(0, 9)
  expect(await nest(iter(range(10)), seq(parallel(member(), [member()], member()))).list()).toEqual(range(10))
})

test('M-38 seq keeps the order where the members in parallel are one and the same function', async () => {
  const member = holding(0, 1)()
  expect(await nest(iter(range(10)), seq(parallel(member, member))).list()).toEqual(range(10))
})

test('M-38 an item that is dropped inside of seq takes no other with it', async () => {
  const member = holding(0, 9)
  const items = await nest(iter(range(10)), seq(parallel(member(), [member()]), filter(isEven), inc)).list()
  expect(items).toEqual([1, 3, 5, 7, 9])
})

test('M-39 a row has its values in the order of the members, whatever they are', async () => {
  const rows = await nest(
    iter([1, 2]),
    zip(
      (n: number) => ({ late: n }),
      (n: number) => -n,
      () => null,
      () => 'a',
    ),
  ).list()
  expect(rows).toEqual([
    [{ late: 1 }, -1, null, 'a'],
    [{ late: 2 }, -2, null, 'a'],
  ])
})

test('M-39 rows are of one item each, though a member overtakes itself', async () => {
  const member = holding(0, 3)
  const rows = await nest(iter(range(4)), zip(parallel(member(), [member()]), inc)).list()
  expect(rows).toHaveLength(4)
  expect(rows).toEqual(expect.arrayContaining(range(4).map((n) => [n, n + 1])))
})

test('M-39 a member that filters leaves its rows out and stalls nobody', async () => {
  expect(await nest(iter(range(200)), zip(filter(isEven), inc)).list()).toHaveLength(100)
})

test('M-39 a member that gives several for one item fails the run, as rows would not be rows', async () => {
  const twice = function* (n: number): Generator<number, void, void> {
    yield n
    yield n
  }
  const error = await failureOf(() => nest(iter([1]), zip(twice, inc)).list())
  expect(error.code).toBe('PLB_NODE_CARDINALITY')
})

test('M-43 what seq and zip are built of are nodes like all others', () => {
  const { nodes } = nest(iter([1]), seq(broadcast(inc, double)), zip(inc, double)).toBlueprint().graph
  expect(nodes).toMatchObject({
    seq: { properties: { collect: 'all', missing: 'partial' } },
    zip: { coro: 'std.zip' },
  })
})

test('M-T13 seq around five of as keeps the order', async () => {
  const [first, others] = [gate(), range(5)]
  class Late extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      if (n === 0) await first.opened
      if (n === others.length - 1) first.open()
      await this.put(n + 10)
    }
  }
  expect(await nest(iter(others), seq(as(5, Late))).list()).toEqual([10, 11, 12, 13, 14])
})

test('M-T15 zip of +10 and +100 gives rows in order', async () => {
  expect(await nest(iter([1, 2, 3]), zip(new AddX(10), new AddX(100))).list()).toEqual([
    [11, 101],
    [12, 102],
    [13, 103],
  ])
})
