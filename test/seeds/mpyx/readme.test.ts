import type { Context } from '@pipelines/core'
import { as, broadcast, type Cut, filter, iter, nest, parallel, print, Stage, step } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { range } from '../../support/blackbox.js'
import { AddX, Count, printed, sorted } from './members.js'

/** What the README shows, its pictures replaced by words. */

interface Picture {
  readonly name: string
  readonly steps: readonly string[]
}

const working =
  (what: string) =>
  ({ name, steps }: Picture): Picture => ({ name, steps: [...steps, what] })
const [resize, enhance, watermark] = [working('resize'), working('enhance'), working('watermark')]

/** Puts pictures, and says in their meta which file each is of. */
class ImgFiles extends Stage<never, Picture, [names: readonly string[]]> {
  override async setup(names: readonly string[]): Promise<void> {
    for (const name of names) {
      this.meta['fname'] = `${name}.jpg`
      await this.put({ name, steps: [] })
    }
    this.stop()
  }
}

class SaveTo extends Stage<Picture, never, [folder: string, saved: Map<string, readonly string[]>]> {
  override do({ steps }: Picture): void {
    const [folder, saved] = this.args
    saved.set(`${folder}/${this.meta['fname']}`, steps)
  }
}

test('M-51 the whole example of the README counts from 11 to 15', async () => {
  const lines = printed()
  await nest(new Count(5), new AddX(10), print()).run()
  expect(lines).toEqual(['11', '12', '13', '14', '15'])
})

test('M-51 the pictures of the README are made step by step, and saved under their names', async () => {
  const saved = new Map<string, readonly string[]>()
  await nest(new ImgFiles(['a', 'b']), resize, enhance, watermark, new SaveTo('site', saved)).run()
  const steps = ['resize', 'enhance', 'watermark']
  expect([...saved]).toEqual([
    ['site/a.jpg', steps],
    ['site/b.jpg', steps],
  ])
})

test('M-51 its steps work at the same time, each on another item', async () => {
  const both = gate()
  const slow = async (n: number): Promise<number> => {
    if (n === 0) await both.opened
    return n
  }
  const earlier = async (n: number): Promise<number> => {
    if (n === 1) both.open()
    return n
  }
  expect(await nest(iter([0, 1]), step(earlier), step(slow)).list()).toEqual([0, 1])
})

test('M-51 with several of each in parallel every picture is still under its own name', async () => {
  const saved = new Map<string, readonly string[]>()
  const names = range(12).map(String)
  const savers = parallel(new SaveTo('site', saved), new SaveTo('site', saved))
  await nest(new ImgFiles(names), parallel(resize, resize, resize), parallel(enhance, [enhance]), savers).run()
  expect([...saved.keys()].toSorted()).toEqual(names.map((name) => `site/${name}.jpg`).toSorted())
  expect([...saved.values()].every((steps) => steps.join() === 'resize,enhance')).toBe(true)
})

test('M-51 the transaction of the README is written by one stage and committed at the end', async () => {
  const written: unknown[] = []
  class DbWriter extends Stage<readonly [sql: string, id: number]> {
    override do(query: readonly [string, number]): void {
      written.push(query)
    }
    override teardown(): void {
      written.push('commit')
    }
  }
  class First extends Stage<number, number> {
    declare readonly db: Cut
    override async do(item: number): Promise<void> {
      await this.db.put(['seen', item])
      await this.put(item)
    }
  }
  const second = (item: number, ctx: Context): number => {
    if (item > 1) ctx.emit('db', ['valid', item])
    return item
  }
  await nest(new Count(2), new First(), second).xcut('db', nest(new DbWriter())).start().join()
  expect(written).toHaveLength(4)
  expect(written).toEqual(
    expect.arrayContaining([
      ['seen', 1],
      ['seen', 2],
      ['valid', 2],
    ]),
  )
  expect(written.at(-1)).toBe('commit')
})

test('M-51 the last invocation of the API reference runs as it is written there', async () => {
  const logged: unknown[] = []
  const log = filter((n: number) => {
    logged.push(n)
    return false
  })
  const one = nest(
    new Count(10),
    broadcast(log, [(n: number) => n * 2, as(24, AddX, 1), as(12, AddX, 100)]),
    broadcast(log, (n: number) => n),
  )
  expect(sorted(await one.list())).toEqual(range(10).map((n) => (n + 1) * 2 + 101))
  expect(logged).toHaveLength(20)
})

test('M-51 a nest that never started is not stopped, and items are lazy', () => {
  const one = nest(new Count(3))
  expect([one.started, one.stopped, one.finished]).toEqual([false, false, false])
  one.items()
  expect([one.started, one.finished]).toEqual([false, false])
})

test('M-51 a handler may run it again: join waits for that as well', async () => {
  let tries = 0
  const seen: number[] = []
  const flaky = (n: number): number => {
    if (n === 2 && ++tries < 3) throw new Error('once more')
    return n
  }
  const attempt = (): Promise<unknown> =>
    nest(new Count(3), flaky, (n: number) => seen.push(n))
      .catch(attempt)
      .join()
  await attempt()
  expect(tries).toBe(3)
  expect(seen.slice(-3)).toEqual([1, 2, 3])
})
