import { type Cut, iter, nest, Stage } from '@pipelines/flow/nest'
import { Plumber } from '@pipelines/plumber'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { failureOf } from '../support/blackbox.js'

/** Notes the beginning and the end of its runs, and holds each item until it may go. */
class Held extends Stage<number, number> {
  readonly calls: string[] = []
  readonly begun = gate()
  readonly go = gate()
  override initialize(): void {
    this.calls.push(this.started ? 'initialize too late' : 'initialize')
  }
  override setup(): void {
    this.calls.push('setup')
  }
  override async do(n: number): Promise<void> {
    this.begun.open()
    await this.go.opened
    await this.put(n)
  }
  override teardown(): void {
    this.calls.push('teardown')
  }
}

const once = ['initialize', 'setup', 'teardown']
const refusal = {
  code: 'PLB_STATE_ALREADY_STARTED',
  message: expect.stringContaining('Stage "Held", at work in another nest,'),
}

test('an instance goes from nest to nest, and begins anew in each', async () => {
  const held = new Held()
  held.go.open()
  for (const n of [1, 2]) expect(await nest(iter([n]), held).list()).toEqual([n])
  expect(held.calls).toEqual([...once, ...once])
})

test('a nest that needs an instance of one that runs is refused before anything is called', async () => {
  const [held, other] = [new Held(), new Held()]
  const first = nest(iter([1]), held).list()
  await held.begun.opened
  expect(await failureOf(() => nest(iter([2]), other, held).list())).toMatchObject(refusal)
  held.go.open()
  expect(await first).toEqual([1])
  expect([held.calls, other.calls]).toEqual([once, []])
})

test('of two nests that are started at once the first one has it', async () => {
  const held = new Held()
  held.go.open()
  const [first, second] = [nest(iter([1]), held).list(), failureOf(() => nest(iter([2]), held).list())]
  expect(await first).toEqual([1])
  expect(await second).toMatchObject(refusal)
})

test('the handler of the nest that is refused hears of it', async () => {
  const held = new Held()
  const errors: unknown[] = []
  const first = nest(iter([1]), held).start()
  await nest(iter([2]), held)
    .catch((error) => errors.push(error))
    .run()
  expect(errors).toMatchObject([refusal])
  held.go.open()
  await first.join()
})

test('a nest that was stopped or has failed lets go of its stages', async () => {
  const held = new Held()
  held.go.open()
  const stopped = nest(iter([1]), held).start()
  stopped.stop()
  await stopped.join()
  const fails = (): never => {
    throw new Error('no')
  }
  await failureOf(() => nest(iter([1]), held, fails).list())
  expect(await nest(iter([2]), held).list()).toEqual([2])
})

test('an initialize that fails lets go of all', async () => {
  class Broken extends Stage<number, number> {
    broken = true
    override initialize(): void {
      if (this.broken) throw new Error('not yet')
    }
  }
  const [first, broken] = [new Stage(), new Broken()]
  expect((await failureOf(() => nest(iter([1]), first, broken).list())).cause).toEqual(new Error('not yet'))
  broken.broken = false
  expect(await nest(iter([1]), first, broken).list()).toEqual([1])
})

test('a stage whose call goes on behind the end of its run is at work still', async () => {
  const held = new Held()
  const first = nest(iter([1]), held).with({ graceMs: 0 })
  const end = first.join()
  await held.begun.opened
  first.stop()
  await end
  expect(await failureOf(() => nest(iter([2]), held).list())).toMatchObject(refusal)
  held.go.open()
})

test('the blueprint of a nest runs again and again, but not twice at a time', async () => {
  const held = new Held()
  const { graph, ...options } = nest(iter([1]), held).toBlueprint()
  const plumber = new Plumber(graph, options)
  const first = plumber.collect()
  await held.begun.opened
  expect((await failureOf(() => plumber.collect())).cause).toMatchObject(refusal)
  held.go.open()
  expect([await first, await plumber.collect()]).toEqual([[1], [1]])
  expect(held.calls).toEqual([...once, ...once])
})

test('what was cut in for an instance may be so again in its next nest', async () => {
  class Telling extends Stage<number, number> {
    declare readonly log2: Cut
    override async do(n: number): Promise<void> {
      await this.log2.put(n)
    }
  }
  const [telling, kept] = [new Telling(), [] as unknown[]]
  for (const n of [1, 2])
    await nest(iter([n]), telling)
      .xcut(
        'log2',
        nest((told: unknown) => kept.push(told)),
      )
      .run()
  expect(kept).toEqual([1, 2])
})

test('a stage whose class has no name is called stage', async () => {
  const nameless = new (class extends Stage {
    override initialize(): void {
      throw new Error('no')
    }
  })()
  expect(nameless.info().name).toBe('stage')
  expect(() => nameless.put(1)).toThrow('Stage "stage"')
  expect((await failureOf(() => nest(iter([1]), nameless).run())).message).toBe('Node "stage" failed in setup: no.')
})
