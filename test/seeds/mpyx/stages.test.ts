import type { Context } from '@pipelines/core'
import { as, broadcast, constant, iter, nest, Stage, step, zip } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { failureOf, nodeOf, range, turns, until } from '../../support/blackbox.js'
import { AddX, Count, inc, Keeping } from './members.js'

/** Notes which of its hooks are called. */
class Noting extends Stage<number, number, [notes: string[], name: string]> {
  note(what: string): void {
    const [notes, name] = this.args
    notes.push(`${name} ${what}`)
  }
  override initialize(): void {
    this.note('initialize')
  }
  override setup(): void {
    this.note('setup')
  }
  override do(n: number): void {
    this.note(`do ${n}`)
    this.put(n)
  }
  override teardown(): void {
    this.note('teardown')
  }
}

test('M-08 what a stage is constructed with goes to initialize and to setup, each time as it was', async () => {
  const seen: unknown[] = []
  class Seeing extends Stage<never, never, [word: string, options: { readonly deep: boolean }]> {
    override initialize(...args: unknown[]): void {
      seen.push('initialize', ...args)
    }
    override setup(...args: unknown[]): void {
      seen.push('setup', ...args)
    }
  }
  const options = { deep: true }
  await nest(new Seeing('ant', options)).run()
  expect(seen).toEqual(['initialize', 'ant', options, 'setup', 'ant', options])
  expect(seen[2]).toBe(options)
})

test('M-08 every stage of a nest sees its env', async () => {
  const word = (_: unknown, { env }: Context): unknown => env['word']
  class Asking extends Stage<number, unknown> {
    override do(): unknown {
      return this.put(this.env['word'])
    }
  }
  const items = await nest(iter([1]), broadcast(word, new Asking()))
    .with({ env: { word: 'ant' } })
    .list()
  expect(items).toEqual(['ant', 'ant'])
})

test('M-09 initialize is called for all stages, in order, before the first setup', async () => {
  const notes: string[] = []
  await nest(iter([1]), new Noting(notes, 'a'), new Noting(notes, 'b')).run()
  expect(notes.slice(0, 2)).toEqual(['a initialize', 'b initialize'])
  expect(notes.filter((note) => note.includes('initialize'))).toHaveLength(2)
})

test('M-09 initialize must not put', async () => {
  class Early extends Stage<never, number> {
    override initialize(): unknown {
      return this.put(1)
    }
  }
  const error = await failureOf(() => nest(new Early()).list())
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: { code: 'PLB_STATE_NOT_RUNNING' } })
})

test('M-09 initialize is called for each nest that an instance stands in', async () => {
  const notes: string[] = []
  const stage = new Noting(notes, 'a')
  await nest(iter([1]), stage).run()
  await nest(iter([1]), stage).run()
  expect(notes.filter((note) => note === 'a initialize')).toHaveLength(2)
})

test('M-08 an instance is one worker: a second nest that runs cannot have it', async () => {
  const [begun, go] = [gate(), gate()]
  class Held extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      begun.open()
      await go.opened
      await this.put(n)
    }
  }
  const stage = new Held()
  const first = nest(iter([1]), stage).list()
  await begun.opened
  const second = failureOf(() => nest(iter([2]), stage).list())
  go.open()
  expect(await first).toEqual([1])
  expect((await second).code).toMatch(/^PLB_/)
})

test('M-10 a source does all its work in setup, and stops', async () => {
  expect(await nest(new Count(5)).list()).toEqual([1, 2, 3, 4, 5])
})

test('M-10 setup is waited for, and what it puts comes before all else', async () => {
  const ready = gate()
  class Heading extends Stage<number, unknown> {
    override async setup(): Promise<void> {
      await ready.opened
      await this.put('heading')
    }
  }
  const items = nest(iter([1]), new Heading()).list()
  await turns()
  ready.open()
  expect(await items).toEqual(['heading', 1])
})

test('M-11 do may put nothing, one item or several; unless it is written it passes items on', async () => {
  class Repeat extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      for (const _ of range(n)) await this.put(n)
    }
  }
  expect(await nest(iter([0, 1, 3]), new Stage(), new Repeat()).list()).toEqual([1, 3, 3, 3])
})

test('M-12 teardown is called once, behind the last item, and may still put', async () => {
  class Batch extends Stage<number, readonly number[], [size: number]> {
    batch: number[] = []
    override async do(n: number): Promise<void> {
      if (this.batch.push(n) === this.args[0]) await this.put(this.batch.splice(0))
    }
    override async teardown(): Promise<void> {
      await this.put(this.batch)
    }
  }
  expect(await nest(iter(range(5)), new Batch(2)).list()).toEqual([[0, 1], [2, 3], [4]])
})

test('M-12 teardown is called after a stop as well, and once', async () => {
  const notes: string[] = []
  class Three extends Noting {
    override do(n: number): void {
      super.do(n)
      if (n === 3) this.stop()
    }
  }
  await nest(new Count(9), new Three(notes, 'a')).run()
  expect(notes.slice(2)).toEqual(['a do 1', 'a do 2', 'a do 3', 'a teardown'])
})

test('M-12 teardown is called where the run has failed; what it puts goes nowhere', async () => {
  const notes: string[] = []
  class Failing extends Noting {
    override do(): void {
      throw new Error('broken')
    }
    override async teardown(): Promise<void> {
      await this.put(-1)
      super.teardown()
    }
  }
  expect(
    await nest(iter([1]), new Failing(notes, 'a'))
      .catch(() => {})
      .list(),
  ).toEqual([])
  expect(notes.at(-1)).toBe('a teardown')
})

test('M-13 who waits for put holds no more than one item while the queue behind is full', async () => {
  const held = gate()
  let put = 0
  class Flood extends Stage<never, number> {
    override async setup(): Promise<void> {
      for (; put < 100; put++) await this.put(put)
    }
  }
  const hold = async (n: number): Promise<number> => {
    await held.opened
    return n
  }
  const items = nest(new Flood(), step(hold, { queueSize: 4 })).list()
  await turns()
  expect(put).toBeGreaterThanOrEqual(4)
  expect(put).toBeLessThanOrEqual(6)
  held.open()
  expect(await items).toEqual(range(100))
})

test('M-13 what is put carries a shallow copy of meta, as it was then', async () => {
  const shared = { tags: ['a'] }
  const seen: unknown[] = []
  class Marking extends Stage<string, string> {
    override do(word: string): void {
      this.meta['word'] = word
      this.meta['shared'] = shared
      this.put(word)
      this.meta['word'] = 'too late'
    }
  }
  const look = (_: string, { meta }: Context): unknown => seen.push(meta['word'], meta['shared'])
  await nest(iter(['ant', 'bee']), new Marking(), look).run()
  expect(seen).toEqual(['ant', shared, 'bee', shared])
  expect(seen[1]).toBe(shared)
})

test('M-14 null, undefined, false and their like are items', async () => {
  const empty = [null, undefined, false, 0, '', Number.NaN]
  const kept = new Keeping<unknown>()
  const shown = (value: unknown): string => String(value)
  expect(await nest(iter(empty), kept, shown).list()).toEqual(empty.map(shown))
  expect(kept.kept).toEqual(empty)
})

test('M-14 what the last stage puts comes out, whatever it is', async () => {
  const empty = [null, undefined, false, 0, '']
  expect(await nest(iter(empty), new Stage()).list()).toEqual(empty)
})

test('M-15 a stage says whether it has started, stopped and finished', async () => {
  const [begun, go] = [gate(), gate()]
  class Held extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      begun.open()
      await go.opened
      await this.put(n)
    }
  }
  const stage = new Held()
  expect(stage).toMatchObject({ started: false, stopped: false, finished: false })
  const end = nest(iter([1]), stage).join()
  await begun.opened
  expect(stage).toMatchObject({ started: true, stopped: false, finished: false })
  stage.stop()
  expect(stage).toMatchObject({ started: true, stopped: true, finished: false })
  go.open()
  await end
  expect(stage).toMatchObject({ started: true, stopped: true, finished: true })
})

test('M-15 a stage that is stopped finishes what is at work and takes no more', async () => {
  const stage = new (class extends Keeping<number> {
    override async do(n: number): Promise<void> {
      if (n === 7 && this.kept.length === 2) this.stop()
      await super.do(n)
    }
  })()
  expect(await nest(constant(7), stage, inc).list()).toEqual([8, 8, 8])
  expect(stage.kept).toEqual([7, 7, 7])
})

test('M-16 nothing is lost that a stage left in its queue when it had finished', async () => {
  const go = gate()
  const source = new Count(50)
  const hold = async (n: number): Promise<number> => {
    await go.opened
    return n
  }
  const items = nest(source, hold).list()
  await until(() => source.finished)
  go.open()
  expect(await items).toEqual(range(50).map(inc))
})

test('M-16 a node goes on until the last of all that come before it has ended', async () => {
  const go = gate()
  class Late extends Stage<never, string> {
    override async setup(): Promise<void> {
      await go.opened
      await this.put('late')
    }
  }
  const kept = new Keeping<unknown>()
  const end = nest([broadcast(iter(['early']), new Late())], kept).join()
  await until(() => kept.kept.length === 1)
  await turns()
  expect(kept.finished).toBe(false)
  go.open()
  await end
  expect(kept.kept).toEqual(['early', 'late'])
})

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
  const timed: unknown[] = []
  const look = (_: unknown, { meta }: Context): unknown => timed.push(meta['timings'])
  await nest(iter([1]), new AddX(), inc, look)
    .timings()
    .run()
  await nest(iter([1]), new AddX(), inc, look).run()
  expect(timed).toEqual([{ AddX: expect.any(Number), inc: expect.any(Number) }, undefined])
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
