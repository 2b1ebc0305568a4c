import { PipelineError } from '@pipelines/core'
import { as, broadcast, by, iter, type Member, nest, parallel, Stage, serial } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { edgeOf, endless, type Pipeline, range, settlesSoon, turns } from '../../support/blackbox.js'
import { AddX, double, holding, inc, sorted } from './members.js'

const _isEven = (n: number): boolean => n % 2 === 0

/** Every problem of the members, as pointer and message. */
function problemsOf(...members: unknown[]): unknown[] {
  try {
    nest(...(members as Member[]))
  } catch (error) {
    expect(error).toMatchObject({ name: 'PipelineError', code: 'PLB_GRAPH_INVALID' })
    if (!(error instanceof PipelineError)) throw error
    const { issues } = error.details as { issues: readonly { pointer: string; message: string }[] }
    return issues.map(({ pointer, message }) => [pointer, message])
  }
  throw new Error('The members should have been refused.')
}

test('M-01 members stand in a chain, and what leaves the last one is what comes out', async () => {
  expect(await nest(iter([1, 2, 3]), inc, double).list()).toEqual([4, 6, 8])
})

test('M-01 queues are bounded, by 64 or as the nest says', async () => {
  const held = gate()
  const hold = async (n: number): Promise<number> => {
    await held.opened
    return n
  }
  for (const [options, capacity] of [[{}, 64] as const, [{ queueSize: 16 }, 16] as const]) {
    const one = nest(endless().source, hold).with({ ...options, graceMs: 0 })
    const depths: number[] = []
    const onStart = async (pipeline: Pipeline): Promise<void> => {
      await turns()
      depths.push(edgeOf(pipeline.snapshot(), 'source', 'hold').depth)
      one.stop()
    }
    await one.with({ onStart }).join()
    expect(depths).toEqual([capacity])
  }
  held.open()
})

test('M-02 lists, parallel and broadcast members stand in each other as deep as one likes', async () => {
  const tree = [inc, parallel([double, broadcast(inc, [inc, inc])], serial(double, broadcast(inc, [inc, inc])))]
  expect(sorted(await nest(iter([0, 10]), tree, [[double]]).list())).toEqual([6, 8, 46, 48])
})

test('M-02 an empty list is refused wherever it stands, and all of them at once', () => {
  const empty = (kind: string): string => `This ${kind} is empty. Give at least one member.`
  expect(problemsOf([], parallel(), [inc, broadcast([])])).toEqual([
    ['/0', empty('list')],
    ['/1', empty('parallel')],
    ['/2/1/0', empty('list')],
  ])
  expect(problemsOf()).toEqual([['', empty('nest')]])
})

test('M-03 whoever is free takes the next item, in no order', async () => {
  const member = holding(0, 9)
  const items = await nest(iter(range(10)), parallel(member(), member(), [member()])).list()
  expect(items.at(-1)).toBe(0)
  expect(sorted(items)).toEqual(range(10))
})

test('M-03 no item waits behind a member that is busy', async () => {
  const member = holding(3, 9)
  const items = await nest(iter(range(10)), parallel(member(), serial(member()))).list()
  expect(items.indexOf(3)).toBe(9)
})

test('M-03 no item waits behind a member that is busy, beside one that is several workers', async () => {
  const go = gate()
  class Slow extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      await go.opened
      await this.put(n)
    }
  }
  let quick = 0
  class Quick extends Stage<number, number> {
    override do(n: number): void {
      quick++
      this.put(n)
    }
  }
  const items = nest(iter(range(10)), parallel(new Slow(), as(3, Quick))).list()
  await turns()
  go.open()
  expect(sorted(await items)).toEqual(range(10))
  expect(quick).toBe(9)
})

test('M-03 M-16 a member that stops leaves to the others what it has not taken', async () => {
  const [last, rest] = [gate(), gate()]
  class Two extends Stage<number, number> {
    seen = 0
    override async do(n: number): Promise<void> {
      if (++this.seen === 2) await last.opened
      this.put(n)
      if (this.seen === 2) this.stop()
    }
  }
  class Rest extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      await rest.opened
      await this.put(n)
    }
  }
  const items = nest(iter(range(10)), parallel(new Two(), new Rest())).list()
  await turns()
  last.open()
  await turns()
  rest.open()
  expect(sorted(await items)).toEqual(range(10))
})

test('M-03 M-16 several workers that stop leave to the others what they have not taken', async () => {
  const [last, rest] = [gate(), gate()]
  let made = 0
  class One extends Stage<number, number> {
    readonly isLast = made++ === 1
    override async do(n: number): Promise<void> {
      if (this.isLast) await last.opened
      this.put(n)
      this.stop()
    }
  }
  class Rest extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      await rest.opened
      await this.put(n)
    }
  }
  const items = nest(iter(range(10)), parallel(as(2, One), as(2, Rest))).list()
  await turns()
  last.open()
  await turns()
  rest.open()
  expect(sorted(await items)).toEqual(range(10))
})

test('M-04 n members make n items of one, each of them gets the very same, and outputs merge', async () => {
  const seen: unknown[] = []
  const item = { word: 'ant' }
  const look = (given: unknown): unknown => {
    seen.push(given)
    return given
  }
  expect(await nest(iter([item]), broadcast(look, [look], look)).list()).toEqual([item, item, item])
  expect(seen.every((given) => given === item)).toBe(true)
})

test('M-04 a member that is blocked blocks who produces for all', async () => {
  const [blocked, numbers] = [gate(), endless()]
  let free = 0
  const stuck = async (n: number): Promise<number> => {
    await blocked.opened
    return n
  }
  const one = nest(
    numbers.source,
    broadcast(stuck, (n: number) => {
      free++
      return n
    }),
  ).with({ queueSize: 4 })
  const end = one.join()
  expect(await settlesSoon(end)).toBe(false)
  expect(free).toBeGreaterThan(0)
  expect(numbers.read).toBeLessThan(20)
  one.stop()
  blocked.open()
  expect((await end)?.outcome).toBe('doomed')
})

test('M-05 a bare function maps, and the name of its node shows it', async () => {
  expect(nest(iter([1]), inc, double).graph()).toEqual(['iter', 'inc', 'double'])
  expect(await nest(iter([1]), inc, async (n: number) => n * 3).list()).toEqual([6])
})

test('M-05 classes and what cannot be called are refused before anything runs, in plain words', () => {
  class Plain {}
  expect(problemsOf(AddX, [Plain, 7], as(2, Plain as never), iter)).toEqual([
    ['/0', 'AddX is a class. Make an instance: new AddX().'],
    ['/1/0', 'Plain is a class. Make an instance: new Plain().'],
    ['/1/1', expect.stringContaining('7 is no member of a nest.')],
    ['/2', 'Plain is a class, but not one of stages.'],
    ['/3', 'iter makes a member. Call it: iter().'],
  ])
})

test('M-06 a nest in a nest passes its items on to what follows', async () => {
  const source = nest(iter([1, 2]), inc)
  expect(await nest(source, nest(double, nest(inc)), nest(inc)).list()).toEqual([6, 8])
})

test('M-07 as makes fresh instances that share the items; by makes some that all get every one', async () => {
  const made: Noted[] = []
  class Noted extends AddX {
    constructor(amount?: number) {
      super(amount)
      made.push(this)
    }
  }
  expect(sorted(await nest(iter(range(6)), as(3, Noted, 10)).list())).toEqual(range(6).map((n) => n + 10))
  expect(made).toHaveLength(3)
  expect(sorted(await nest(iter([0, 1]), by(3, Noted, 10)).list())).toEqual([10, 10, 10, 11, 11, 11])
  expect(made).toHaveLength(6)
  expect(made.every(({ amount, finished }) => amount === 10 && finished)).toBe(true)
})

test('M-T03 lists written out are the same chain as members side by side', async () => {
  const nested = nest([iter(range(5)), [inc, [new AddX(10)]]])
  const flat = nest(iter(range(5)), inc, new AddX(10))
  expect(nested.toBlueprint().graph).toEqual(flat.toBlueprint().graph)
  expect(await nested.list()).toEqual(await flat.list())
})

test('M-T06 of two chains in parallel an item takes one or the other', async () => {
  const chain = (name: string): Member => serial(inc, (n: number) => [name, n])
  const items = await nest(iter(range(20)), parallel(chain('a'), chain('b'))).list()
  expect(sorted((items as [string, number][]).map(([, n]) => n))).toEqual(range(20).map(inc))
})

test('M-T07 parallel members stand behind parallel members', async () => {
  const items = await nest(iter(range(20)), parallel(inc, [inc]), parallel(double, [double], [double])).list()
  expect(sorted(items)).toEqual(range(20).map((n) => (n + 1) * 2))
})

test('M-T12 five of as add 10 to all', async () => {
  expect(sorted(await nest(iter(range(20)), as(5, AddX, 10)).list())).toEqual(range(20).map((n) => n + 10))
})

test('M-T14 five of by make ten of two items', async () => {
  expect(sorted(await nest(iter([1, 2]), by(5, AddX, 1)).list())).toEqual([2, 2, 2, 2, 2, 3, 3, 3, 3, 3])
})

test('M-T18 eight stages of five parallel adders deliver all 5 items', async () => {
  const adders = range(8).map(() => as(5, AddX, 1))
  expect(sorted(await nest(iter(range(5)), ...adders).list())).toEqual([8, 9, 10, 11, 12])
})

test('M-T21 a nest of two nests passes all items', async () => {
  expect(await nest(nest(iter(range(5)), inc), nest(inc)).list()).toEqual([2, 3, 4, 5, 6])
})
