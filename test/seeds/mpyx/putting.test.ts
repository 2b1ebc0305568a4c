import type { Context } from '@pipelines/core'
import { broadcast, constant, iter, nest, Stage, step } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { range, turns, until } from '../../support/blackbox.js'
import { Count, inc, Keeping } from './members.js'

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
