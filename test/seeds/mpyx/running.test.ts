import type { PipelineError, RunReport } from '@pipelines/core'
import { constant, iter, type Member, type Nest, nest, Stage, step } from '@pipelines/flow/nest'
import { gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { aborted, endless, failureOf, nodeOf, range, turns, until } from '../../support/blackbox.js'
import { AddX, Count, inc, Keeping, sorted } from './members.js'

/** Fails at an item. */
const failingAt =
  (wrong: number) =>
  (n: number): number => {
    if (n === wrong) throw new RangeError(`no ${n}`)
    return n
  }

/** Holds every item until its call is told to end. */
const stuck = async (_: unknown, { signal }: { readonly signal: AbortSignal }): Promise<never> => aborted(signal)

test.each<[string, () => Member[], (one: Nest) => boolean]>([
  ['queues hold items', () => [iter(range(50)), inc, stuck], () => true],
  ['the source waits for room', () => [constant(1), step(stuck, { queueSize: 1 })], () => true],
  ['a stage waits in its put', () => [new Count(1e9), step(stuck, { queueSize: 1 })], () => true],
  ['it has hardly begun', () => [iter([1]), inc], () => false],
])('M-17 stop, then join does not hang where %s', async (_, members, waits) => {
  const one = nest(...members())
  one.start()
  if (waits(one)) await turns()
  one.stop()
  expect((await one.join())?.outcome).toBe('doomed')
  expect([one.started, one.stopped, one.finished]).toEqual([true, true, true])
})

test('M-17 what was inside when it was stopped is in the report', async () => {
  const one = nest(iter(range(50)), step(stuck, { queueSize: 4 }))
  one.start()
  await turns()
  one.stop()
  const report = await one.join()
  expect(sorted(report?.unprocessed.map(({ value }) => value) ?? []).slice(0, 5)).toEqual(range(5))
})

test('M-15 M-17 stop ends every stage, and each is torn down', async () => {
  const [first, second] = [new Count(1e9), new Keeping<number>()]
  const one = nest(first, second, step(stuck, { queueSize: 1 }))
  one.start()
  await until(() => second.kept.length > 0)
  one.stop()
  await one.join()
  expect([first, second].map(({ stopped, finished }) => [stopped, finished])).toEqual([
    [true, true],
    [true, true],
  ])
})

test.each<[string, (one: Nest) => Promise<unknown>]>([
  ['join', (one) => one.join()],
  ['list', (one) => one.list()],
  ['items', async (one) => (await one.items().next()).value],
])('M-23 M-24 %s rejects with the error, so that nobody takes a part for the whole', async (_, wait) => {
  const error = await failureOf(() => wait(nest(iter(range(100)), failingAt(0), inc)))
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: new RangeError('no 0') })
  expect((error.cause as Error).stack).toContain('running.test')
})

test('M-23 the handler gets the error, with its stack, and the report; join then settles', async () => {
  const handled: [PipelineError, RunReport | undefined][] = []
  const one = nest(iter([1, 2]), failingAt(2)).catch((...args) => void handled.push(args))
  expect((await one.join())?.outcome).toBe('failed')
  expect(handled).toHaveLength(1)
  const stack = expect.stringContaining('running.test')
  expect(handled[0]).toMatchObject([
    { details: { node: 'map' }, cause: { message: 'no 2', stack } },
    { outcome: 'failed' },
  ])
})

test('M-23 the handler is told also where nobody waits; without one whoever waits later is', async () => {
  const handled = gate()
  nest(iter([1]), failingAt(1))
    .catch(handled.open)
    .start()
  await handled.opened
  const settled = gate()
  const one = nest(iter([1]), failingAt(1)).with({ onStart: (pipeline) => void pipeline.settled.then(settled.open) })
  one.start()
  await settled.opened
  expect((await failureOf(() => one.join())).cause).toEqual(new RangeError('no 1'))
})

test.each(['initialize', 'setup', 'do', 'teardown'] as const)('M-23 an error in %s is caught', async (hook) => {
  const broken = new Error(hook)
  const stage = Object.assign(new Stage(), {
    [hook]: () => {
      throw broken
    },
  })
  const causes: unknown[] = []
  await nest(iter([1]), stage)
    .catch(({ cause }) => causes.push(cause))
    .join()
  expect(causes).toEqual([broken])
})

test('M-23 an error stops the whole nest, sources that never end too', async () => {
  const numbers = endless()
  await failureOf(() => nest(numbers.source, failingAt(3)).join())
  expect(numbers.closed).toBe(true)
})

test('M-24 what came out before the error is there for whoever handled it, and is called failed', async () => {
  const outcomes: unknown[] = []
  const one = nest(iter(range(10)), failingAt(4)).catch((_, report) => outcomes.push(report?.outcome))
  expect(await one.list()).toEqual([0, 1, 2, 3])
  expect(outcomes).toEqual(['failed'])
})

test('M-24 where a step may skip what fails, only that is missing, and it is counted', async () => {
  const one = nest(iter(range(10)), step(failingAt(4), { name: 'risky', onError: 'skip' }))
  expect(await one.list()).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9])
  const report = await one.join()
  expect(report?.outcome).toBe('completed')
  expect(report && nodeOf(report, 'risky')).toMatchObject({ received: 10, failed: 1 })
})

test('M-25 start gives the nest back, and once more does nothing; join starts what has not been', async () => {
  let runs = 0
  const source = (): number[] => [runs++]
  const one = nest(source, inc)
  expect(one.start().start()).toBe(one)
  await Promise.all([one.join(), one.join()])
  expect(runs).toBe(1)
  await nest(source).join()
  expect(runs).toBe(2)
})

test('M-26 items come lazily: nothing runs before the first is asked for, and little before the next', async () => {
  const numbers = endless()
  const items = nest(numbers.source, inc).with({ queueSize: 1 }).items()
  await turns()
  expect(numbers.read).toBe(0)
  expect(await items.next()).toEqual({ done: false, value: 1 })
  await turns()
  expect(numbers.read).toBeLessThan(10)
  await items.return()
})

test('M-26 leaving the loop early ends the run well, and closes its source', async () => {
  const numbers = endless()
  const one = nest<number>(numbers.source, inc)
  const seen: number[] = []
  for await (const item of one.items()) if (seen.push(item) === 3) break
  expect(seen).toEqual([1, 2, 3])
  expect(numbers.closed).toBe(true)
  expect((await one.join())?.outcome).toBe('completed')
})

test('M-26 a second call is an error, not an empty list', async () => {
  const one = nest(iter([1]))
  expect(await one.list()).toEqual([1])
  for (const again of [() => one.list(), () => one.items().next()])
    expect((await failureOf(again)).code).toBe('PLB_STATE_ALREADY_STARTED')
})

test('M-T16 items yields 6 to 10', async () => {
  const seen: number[] = []
  for await (const item of nest<number>(new Count(5), new AddX(5)).items()) seen.push(item)
  expect(seen).toEqual([6, 7, 8, 9, 10])
})

test('M-T17 list equals what items yield', async () => {
  const seen: unknown[] = []
  for await (const item of nest(new Count(5), new AddX(5))) seen.push(item)
  expect(await nest(new Count(5), new AddX(5)).list()).toEqual(seen)
})

test('M-T22 an error in do reaches the handler with its stack, and join returns', async () => {
  class Failing extends Stage {
    override do(): never {
      throw new Error('broken')
    }
  }
  const handled: PipelineError[] = []
  const one = nest(iter(range(5)), new Failing()).catch((error) => handled.push(error))
  expect(await one.join()).toMatchObject({ outcome: 'failed' })
  expect(handled).toMatchObject([{ cause: { message: 'broken', stack: expect.stringContaining('Failing.do') } }])
})
