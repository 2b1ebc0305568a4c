import type { Context } from '@pipelines/core'
import { as, iter, nest, Stage, zip } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, onTestFinished, test, vi } from 'vitest'
import { nodeOf, range, turns } from '../../support/blackbox.js'
import { AddX, inc, Keeping } from './members.js'

test('M-18 async functions and async hooks stand wherever plain ones may', async () => {
  class Slow extends AddX {
    override async do(n: number): Promise<void> {
      await this.put((await Promise.resolve(n)) + this.amount)
    }
  }
  expect(await nest(iter([1, 2]), async (n: number) => n * 2, new Slow(1)).list()).toEqual([3, 5])
})

test('M-19 sleep goes on after its time, and ends with an error when the stage is told to end', async () => {
  const asleep = gate()
  class Sleepy extends Stage<number, number> {
    reason: unknown
    override async do(n: number): Promise<void> {
      await this.sleep(1)
      await this.put(n)
      asleep.open()
      await this.sleep(60_000).catch((reason: unknown) => {
        this.reason = reason
        throw reason
      })
    }
  }
  const stage = new Sleepy()
  const one = nest(iter([1]), stage)
  const items = one.list()
  await asleep.opened
  one.stop()
  expect(await items).toEqual([1])
  expect(stage.reason).toBeInstanceOf(Error)
})

test('M-19 info tells the name of a stage and how full its queues are', async () => {
  const [begun, go] = [gate(), gate()]
  class Busy extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      begun.open()
      await go.opened
      await this.put(n)
    }
  }
  const stage = new Busy()
  const end = nest(iter(range(9)), stage, inc)
    .with({ queueSize: 3 })
    .run()
  await begun.opened
  await turns()
  expect(stage.info()).toEqual({
    name: 'Busy',
    inputs: [{ from: 'iter', to: 'Busy', depth: 3, capacity: 3 }],
    outputs: [{ from: 'Busy', to: 'inc', depth: 0, capacity: 3 }],
  })
  go.open()
  await end
})

test('M-20 meta travels with its item, also where items overtake each other', async () => {
  const first = gate()
  class Marking extends Stage<number, number> {
    override do(n: number): unknown {
      this.meta['n'] = n
      return this.put(n)
    }
  }
  class Slow extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      if (n === 0) await first.opened
      else first.open()
      await this.put(n)
    }
  }
  const seen: unknown[] = []
  const look = (n: number, { meta }: Context): unknown => seen.push([n, meta['n']])
  await nest(iter([0, 1, 2]), new Marking(), as(2, Slow), look).run()
  expect(seen).toHaveLength(3)
  expect(seen).toEqual(expect.arrayContaining([0, 1, 2].map((n) => [n, n])))
})

test('M-20 in teardown, when no item is in hand, meta is empty', async () => {
  const metas: unknown[] = []
  class Marked extends Stage<number, number> {
    override do(n: number): unknown {
      this.meta['n'] = n
      metas.push({ ...this.meta })
      return this.put(n)
    }
    override teardown(): void {
      metas.push({ ...this.meta })
    }
  }
  await nest(iter([1]), new Marked()).run()
  expect(metas).toEqual([{ n: 1 }, {}])
})

test('M-20 zip keeps the meta of all its branches', async () => {
  class Marking extends Stage<number, number, [key: string]> {
    override do(n: number): unknown {
      this.meta[this.args[0]] = n
      return this.put(n)
    }
  }
  const seen: unknown[] = []
  const look = (_: unknown, { meta }: Context): unknown => seen.push(meta)
  await nest(iter([7]), zip(new Marking('a'), new Marking('b')), look).run()
  expect(seen).toEqual([{ a: 7, b: 7 }])
})

test('M-21 items carry the seconds that each node spent on them, where that is asked for', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => void vi.useRealTimers())
  class Slow extends AddX {
    override do(n: number): void {
      vi.advanceTimersByTime(250)
      super.do(n)
    }
  }
  const timed: unknown[] = []
  const slower = (n: number): number => {
    vi.advanceTimersByTime(500)
    return n
  }
  const look = (_: unknown, { meta }: Context): unknown => timed.push(meta['timings'])
  await nest(iter([1]), new Slow(), slower, look)
    .timings()
    .run()
  await nest(iter([1]), new Slow(), slower, look).run()
  expect(timed).toEqual([{ Slow: 0.25, slower: 0.5 }, undefined])
})

test('M-21 behind a zip items carry the seconds of all its members', async () => {
  const timed: unknown[] = []
  const look = (_: unknown, { meta }: Context): unknown => timed.push(Object.keys(meta['timings'] as object).toSorted())
  const half = (n: number): number => n / 2
  await nest(iter([1]), half, zip(new AddX(), inc, new Keeping()), look)
    .timings()
    .run()
  expect(timed).toEqual([['AddX', 'Keeping', 'half', 'inc']])
})

test('M-21 the report tells per node what it did', async () => {
  const report = await nest(iter([1, 2]), new AddX(), inc).run()
  expect(report && nodeOf(report, 'AddX')).toMatchObject({ received: 2, completed: 2 })
})
