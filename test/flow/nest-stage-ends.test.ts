import { constant, iter, nest, Stage, step } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { failureOf, range } from '../support/blackbox.js'

test('a stage that stops takes no more input, and what comes before it ends well', async () => {
  class First extends Stage<number, number> {
    seen = 0
    override do(n: number): void {
      this.put(n)
      this.seen++
      if (this.seen === 3) this.stop()
    }
    override teardown(): void {
      this.put(-1)
    }
  }
  const stage = new First()
  const report = nest(constant(7), stage)
  expect(await report.list()).toEqual([7, 7, 7, -1])
  expect((await report.join())?.outcome).toBe('completed')
  expect(stage).toMatchObject({ started: true, stopped: true, finished: true, seen: 3 })
})

test('a stage can be stopped from outside while it waits for input', async () => {
  const waiting = gate()
  const never = gate()
  async function* one(): AsyncGenerator<number, void, void> {
    yield 1
    await never.opened
  }
  const stage = new (class extends Stage<number, number> {
    override do(n: number): void {
      this.put(n)
      waiting.open()
    }
  })()
  const items = nest(one, stage).list()
  await waiting.opened
  stage.stop()
  never.open()
  expect(await items).toEqual([1])
})

test('a source that waits for room is told when nobody wants more', async () => {
  let reason: unknown
  class Endless extends Stage<never, number> {
    override async setup(): Promise<void> {
      try {
        for (let n = 0; ; n++) await this.put(n)
      } catch (error) {
        reason = error
        throw error
      }
    }
  }
  const source = new Endless()
  for await (const n of nest<number>(source)) if (n === 3) break
  expect(reason).toBeDefined()
  expect(source.finished).toBe(true)
})

test('a do that fails late fails the run with its own error', async () => {
  class Late extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      await this.put(n)
      throw new Error('late')
    }
  }
  const error = await failureOf(() => nest(iter([1]), new Late()).run())
  expect(error.cause).toEqual(new Error('late'))
})

test('a put that nobody waits for does no harm when the run fails', async () => {
  class Both extends Stage<number, number> {
    override async do(n: number): Promise<void> {
      for (const k of range(100)) this.put(n + k)
      await this.signal.throwIfAborted()
    }
  }
  const fails = (): never => {
    throw new Error('no')
  }
  const error = await failureOf(() => nest(iter([1]), new Both(), step(fails, { queueSize: 1 })).run())
  expect(error.cause).toEqual(new Error('no'))
})

test('a stage that sleeps wakes when the nest is stopped, with an error that says so', async () => {
  const asleep = gate()
  const reasons: unknown[] = []
  class Sleepy extends Stage {
    override async do(): Promise<void> {
      asleep.open()
      await this.sleep(60_000).catch((reason: unknown) => reasons.push(reason, this.signal.reason))
      await this.put(1).catch((reason: unknown) => reasons.push(reason))
    }
  }
  const sleeping = nest(iter([1]), new Sleepy())
  const end = sleeping.join()
  await asleep.opened
  sleeping.stop()
  expect((await end)?.outcome).toBe('doomed')
  const reason = { name: 'AbortError', code: 'PLB_RUN_CANCELLED', message: expect.stringContaining('nest was stopped') }
  expect(reasons).toMatchObject([reason, reason, reason])
})

test('an initialize that fails ends the nest before anything runs', async () => {
  class Broken extends Stage {
    override initialize(): void {
      throw new Error('no way')
    }
  }
  const seen: number[] = []
  const error = await failureOf(() => nest(iter([1]), (n: number) => seen.push(n), new Broken()).run())
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'Broken', phase: 'setup' } })
  expect(seen).toEqual([])
})

test('a stage hears of the signal of a run', async () => {
  const begun = gate()
  let heard = false
  class Listening extends Stage {
    override async do(): Promise<void> {
      begun.open()
      await new Promise<void>((heardOf) => this.signal.addEventListener('abort', () => heardOf(), { once: true }))
      heard = true
    }
  }
  const controller = new AbortController()
  const run = failureOf(() =>
    nest(iter([1]), new Listening())
      .with({ signal: controller.signal })
      .run(),
  )
  await begun.opened
  controller.abort(new Error('enough'))
  expect(await run).toMatchObject({ code: 'PLB_RUN_DOOMED', name: 'AbortError' })
  expect(heard).toBe(true)
})
