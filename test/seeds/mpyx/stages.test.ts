import type { Context } from '@pipelines/core'
import { broadcast, iter, nest, Stage } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { failureOf, range, turns } from '../../support/blackbox.js'
import { Count } from './members.js'

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
