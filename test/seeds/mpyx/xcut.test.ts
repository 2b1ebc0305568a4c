import type { Context } from '@pipelines/core'
import { as, broadcast, type Cut, iter, nest, parallel, Stage } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { failureOf, range, settlesSoon, turns } from '../../support/blackbox.js'
import { Keeping, sorted } from './members.js'

/** Puts what it gets to the nest that is cut in as `db`, and passes it on. */
class Telling extends Stage<number, number, []> {
  declare readonly db: Cut
  override async do(n: number): Promise<void> {
    await this.db.put(n)
    await this.put(n)
  }
}

const telling = (n: number, ctx: Context): number => {
  ctx.emit('db', n)
  return n
}

test('M-22 every stage and function of a nest puts to the other one by its name', async () => {
  const writer = new Keeping<unknown>()
  const one = nest(iter([1, 2]), new Telling(), [telling, nest(new Telling())], broadcast(new Telling(), telling))
  const cut = one.xcut('db', nest(writer))
  expect(cut).toBe(one)
  expect(sorted(await one.list())).toEqual([1, 1, 2, 2])
  expect(sorted(writer.kept)).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2])
})

test('M-22 the other nest starts with this one and ends after all that puts to it', async () => {
  const notes: string[] = []
  class Writer extends Stage<number, never, []> {
    override initialize(): void {
      notes.push('initialize')
    }
    override setup(): void {
      notes.push('setup')
    }
    override do(n: number): void {
      notes.push(`write ${n}`)
    }
    override teardown(): void {
      notes.push('commit')
    }
  }
  class Last extends Telling {
    override async teardown(): Promise<void> {
      await this.db.put(-1)
    }
  }
  await nest(iter([1]), new Last())
    .xcut('db', nest(new Writer()))
    .run()
  expect(notes).toEqual(['initialize', 'setup', 'write 1', 'write -1', 'commit'])
})

test('M-22 join waits for the other nest too', async () => {
  const go = gate()
  const slow = async (n: number): Promise<number> => {
    await go.opened
    return n
  }
  const end = nest(iter([1]), new Telling())
    .xcut('db', nest(slow))
    .join()
  expect(await settlesSoon(end)).toBe(false)
  go.open()
  expect((await end)?.outcome).toBe('completed')
})

test('M-22 stop stops both', async () => {
  const writer = new Keeping<unknown>()
  const never = gate()
  async function* one(): AsyncGenerator<number, void, void> {
    yield 1
    await never.opened
  }
  const cut = nest(one, new Telling()).xcut('db', nest(writer))
  const end = cut.join()
  await turns()
  cut.stop()
  never.open()
  await end
  expect(writer).toMatchObject({ kept: [1], stopped: true, finished: true })
})

test('M-22 a full queue of the other nest holds back who puts to it', async () => {
  const go = gate()
  let read = 0
  function* numbers(): Generator<number, void, void> {
    while (read < 500) yield read++
  }
  const slow = async (n: number): Promise<number> => {
    await go.opened
    return n
  }
  const items = nest(numbers, new Telling()).xcut('db', nest(slow)).with({ queueSize: 4 }).list()
  await turns()
  expect(read).toBeLessThan(40)
  go.open()
  expect(await items).toHaveLength(500)
})

test('M-22 no meta crosses, and what the other nest gives is not given', async () => {
  const metas: unknown[] = []
  class Marking extends Telling {
    override async do(n: number): Promise<void> {
      this.meta['n'] = n
      await super.do(n)
    }
  }
  const look = (n: number, { meta }: Context): unknown => {
    metas.push({ ...meta })
    return n + 100
  }
  const one = nest(iter([1, 2]), new Marking(), (n: number, { meta }: Context) => [n, meta['n']])
  expect(await one.xcut('db', nest(look)).list()).toEqual([
    [1, 1],
    [2, 2],
  ])
  expect(metas).toHaveLength(2)
  for (const meta of metas) expect(Object.values(meta as object).filter((value) => value !== undefined)).toEqual([])
})

test('M-22 an error in the other nest ends both, and reaches the handler of this one', async () => {
  const fails = (): never => {
    throw new Error('disk full')
  }
  const cut = (): ReturnType<typeof nest> => nest(iter([1]), new Telling()).xcut('db', nest(fails))
  expect((await failureOf(() => cut().join())).cause).toEqual(new Error('disk full'))
  const causes: unknown[] = []
  await cut()
    .catch(({ cause }) => causes.push(cause))
    .join()
  expect(causes).toEqual([new Error('disk full')])
})

test('M-22 the other nest may have several sources: each of them gets what is put', async () => {
  const [first, second] = [new Keeping<unknown>(), new Keeping<unknown>()]
  await nest(iter([1, 2]), new Telling())
    .xcut('db', nest(broadcast(first, second)))
    .run()
  expect([first.kept, second.kept]).toEqual([
    [1, 2],
    [1, 2],
  ])
})

test('M-T20 a logger that is cut in gets one message per item from parallel workers', async () => {
  const logger = new Keeping<unknown>()
  const one = nest(
    iter(range(20)),
    as(4, Telling),
    parallel((n: number) => n, [(n: number) => n]),
  )
  expect(await one.xcut('db', nest(logger)).list()).toHaveLength(20)
  expect(sorted(logger.kept)).toEqual(range(20))
})
