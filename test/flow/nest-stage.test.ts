import { iter, nest, Stage, seq, step } from '@pipelines/flow/nest'
import { expect, test } from 'vitest'
import { failureOf, range } from '../support/blackbox.js'

/** Notes what is called, under its name. */
class Noting extends Stage<number, number, [name: string]> {
  static calls: string[] = []
  note(what: string): void {
    Noting.calls.push(`${this.args[0]} ${what}`)
  }
  override initialize(name: string): void {
    Noting.calls.push(`${name} initialize`)
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

test('the hooks of all stages are called in order, initialize before anything else', async () => {
  Noting.calls = []
  await nest(iter([1, 2]), new Noting('a')).run()
  expect(Noting.calls).toEqual(['a initialize', 'a setup', 'a do 1', 'a do 2', 'a teardown'])
  Noting.calls = []
  nest(new Noting('b'), new Noting('c')).start().stop()
  expect(Noting.calls).toEqual(['b initialize', 'c initialize'])
})

test('initialize and setup get what a stage is constructed with', async () => {
  const seen: unknown[] = []
  class Seeing extends Stage<never, never, [a: number, b: string]> {
    override initialize(...args: unknown[]): void {
      seen.push(args)
    }
    override setup(...args: unknown[]): void {
      seen.push(args)
    }
  }
  await nest(new Seeing(1, 'x')).run()
  expect(seen).toEqual([
    [1, 'x'],
    [1, 'x'],
  ])
})

test('setup, do and teardown put as many items as they like, in order', async () => {
  class Several extends Stage<number, unknown> {
    override setup(): void {
      this.put('first')
    }
    override async do(n: number): Promise<void> {
      for (let k = 0; k < n; k++) await this.put(n)
    }
    override teardown(): void {
      this.put('last')
    }
  }
  expect(await nest(iter([2, 0, 1]), new Several()).list()).toEqual(['first', 2, 2, 1, 'last'])
})

test('a stage without a do passes items on, whatever they are', async () => {
  const items = [1, undefined, null, false, 0, '']
  expect(await nest(iter(items), new Stage()).list()).toEqual(items)
})

test('teardown may put though there was no input', async () => {
  class Total extends Stage<number, number> {
    sum = 0
    override do(n: number): void {
      this.sum += n
    }
    override teardown(): void {
      this.put(this.sum)
    }
  }
  expect(await nest(iter([]), new Total()).list()).toEqual([0])
  expect(await nest(iter([1, 2]), new Total()).list()).toEqual([3])
})

test('a put in the middle of a do waits for room', async () => {
  let made = 0
  class Flood extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      for (let k = 0; k < 1000; k++) {
        made = k
        await this.put(n)
      }
    }
  }
  const taker = nest(
    iter([1]),
    new Flood(),
    step((n: number) => n, { queueSize: 2 }),
  ).items()
  await taker.next()
  expect(made).toBeLessThan(20)
  await taker.return()
})

test('what is put without waiting leaves in order all the same', async () => {
  class Flood extends Stage<number, number> {
    override do(n: number): void {
      for (const k of range(200)) this.put(n + k)
    }
  }
  expect(
    await nest(
      iter([0]),
      new Flood(),
      step((n: number) => n, { queueSize: 1 }),
    ).list(),
  ).toEqual(range(200))
})

test('meta is a copy of its own per item, and what is put has it as it was then', async () => {
  const seen: unknown[] = []
  class Files extends Stage<never, string> {
    override setup(): void {
      for (const name of ['a', 'b']) {
        this.meta['file'] = name
        this.put(name)
      }
    }
  }
  class Adding extends Stage<string, string> {
    override do(name: string): void {
      this.meta['more'] = name
      this.put(name)
      this.meta['file'] = 'too late'
    }
  }
  await nest(new Files(), new Adding(), (_: string, { meta }) => seen.push(meta)).run()
  expect(seen).toEqual([
    { file: 'a', more: 'a' },
    { file: 'b', more: 'b' },
  ])
})

test('what is taken out of meta is gone, and in teardown there is none', async () => {
  const seen: unknown[] = []
  class Noted extends Stage<number, number> {
    override do(n: number): void {
      this.meta['kept'] = n
      this.meta['gone'] = n
      this.put(n)
    }
  }
  class Taking extends Stage<number, number> {
    override do(n: number): void {
      delete this.meta['gone']
      this.put(n)
    }
    override teardown(): void {
      this.put(-1)
    }
  }
  class Seeing extends Stage<number, number> {
    override do(): void {
      seen.push(this.meta)
    }
  }
  await nest(iter([1]), new Noted(), new Taking(), new Seeing()).run()
  expect(seen).toEqual([{ kept: 1 }, {}])
})

test('teardown is called when the run fails too, and what it puts goes nowhere', async () => {
  Noting.calls = []
  class Failing extends Noting {
    override do(): void {
      throw new Error('broken')
    }
    override async teardown(): Promise<void> {
      await this.put(0)
      this.note('teardown')
    }
  }
  const error = await failureOf(() => nest(iter([1]), new Failing('a'), new Noting('b')).run())
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: new Error('broken') })
  expect(Noting.calls.filter((call) => call.endsWith('teardown')).sort()).toEqual(['a teardown', 'b teardown'])
})

test('a stage knows its env, its node and how full its queues are', async () => {
  const seen: unknown[] = []
  class Asking extends Stage<number, number> {
    override do(n: number): void {
      seen.push(this.env['word'], this.info())
      this.put(n)
    }
  }
  const asking = new Asking()
  expect(asking.info()).toEqual({ name: 'Asking', inputs: [], outputs: [] })
  await nest(iter([1]), asking, (n: number) => n)
    .with({ env: { word: 'yes' }, queueSize: 5 })
    .run()
  const queue = { depth: expect.any(Number), capacity: 5 }
  expect(seen).toMatchObject([
    'yes',
    { name: 'Asking', inputs: [{ from: 'iter', ...queue }], outputs: [{ from: 'Asking', ...queue }] },
  ])
})

test('what needs a run is refused before there is one', () => {
  const idle = new Stage()
  expect(() => idle.put(1)).toThrow(expect.objectContaining({ code: 'PLB_STATE_NOT_RUNNING' }))
  expect(() => idle.meta).toThrow('Stage')
  expect([idle.started, idle.stopped, idle.finished]).toEqual([false, false, false])
})

test('a put when all is over is refused', async () => {
  const stage = new Stage()
  await nest(iter([1]), stage).run()
  expect((await failureOf(() => stage.put(1))).code).toBe('PLB_STATE_NOT_RUNNING')
})

test('within seq, what is put outside of do is refused, for it belongs to no item', async () => {
  class Early extends Stage<number, number> {
    override setup(): void {
      this.put(0)
    }
  }
  const error = await failureOf(() =>
    nest(
      iter([1]),
      seq(new Early(), (n: number) => n),
    ).run(),
  )
  expect(error.cause).toMatchObject({ code: 'PLB_CORO_TYPE' })
})

test('a setup that fails ends the run, and teardown is called all the same', async () => {
  class Broken extends Noting {
    override setup(): never {
      throw new Error('no connection')
    }
  }
  Noting.calls = []
  const error = await failureOf(() => nest(iter([1]), new Broken('a')).run())
  expect(error.cause).toEqual(new Error('no connection'))
  expect(Noting.calls).toEqual(['a initialize', 'a teardown'])
})
