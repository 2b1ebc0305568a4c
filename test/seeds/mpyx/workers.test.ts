import { once } from 'node:events'
import { MessageChannel, type MessagePort, threadId } from 'node:worker_threads'
import type { Context } from '@pipelines/core'
import { portable } from '@pipelines/flow'
import {
  as,
  batch,
  broadcast,
  filter,
  iter,
  map,
  type Nest,
  nest,
  Payload,
  parallel,
  Stage,
  step,
} from '@pipelines/flow/nest'
import { threads } from '@pipelines/workers'
import { expect, test } from 'vitest'
import { failureOf, range } from '../../support/blackbox.js'
import * as work from './fixtures/work.mjs'

portable(work, new URL('./fixtures/work.mjs', import.meta.url))

const onThread = { executor: 'thread' } as const

/** What comes out of a nest that has threads of its own. */
async function ran<Out>(one: Nest<Out>): Promise<Out[]> {
  await using executor = threads({ env: { NEST_WORD: 'theirs' } })
  return await one.with({ executors: [executor] }).list()
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

/** Five numbers of which the first waits until so many others are done. */
const overtaking = (others: number) => {
  const done = new SharedArrayBuffer(4)
  return range(5).map((n) => ({ n, others, done }))
}

test('M-08 a stage on a thread gets its args there, and environment variables that are the thread’s alone', async () => {
  const words: unknown[] = []
  const note = (item: unknown, { meta }: Context): unknown => {
    words.push(meta['word'])
    return item
  }
  const [item] = await ran(
    nest<{ threadId: number; variable: string }>(
      iter([1]),
      step(work.whereabouts, { ...onThread, args: { args: ['ant'] } }),
      note,
    ),
  )
  expect(item).toMatchObject({ n: 1, variable: 'theirs' })
  expect(item?.threadId).not.toBe(threadId)
  expect(words).toEqual(['ant'])
  expect(process.env['NEST_WORD']).toBeUndefined()
})

test('M-44 a payload keeps bytes by name; what is not there is an error', () => {
  const payload = new Payload().save('frame', bytes(1, 2)).save('mask', bytes(3).buffer)
  expect([[...payload.load('frame')], [...payload.load('mask')]]).toEqual([[1, 2], [3]])
  expect([payload.erase('mask'), payload.has('mask')]).toEqual([true, false])
  expect(() => payload.load('mask')).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
  payload.clear()
  expect(payload.has('frame')).toBe(false)
})

test('M-44 a payload that goes to a thread and back is not copied on its way', async () => {
  const payload = new Payload().save('pixels', bytes(1, 2, 3))
  const [back] = await ran(nest<Payload>(iter([payload]), step(work.brighten, onThread)))
  expect([...payload.load('pixels')]).toEqual([2, 3, 4])
  expect(back && Payload.of(back).load('pixels').buffer.byteLength).toBe(3)
})

test('M-44 a payload may be broadcast, and each member change a fork of its own', async () => {
  const payload = new Payload().save('a', bytes(1))
  const more = (given: Payload): Payload => given.fork().save('b', bytes(2))
  const less = (given: Payload): Payload => {
    const fork = given.fork()
    fork.erase('a')
    return fork
  }
  const items = await nest<Payload>(iter([payload]), broadcast(more, less)).list()
  expect(items.map((item) => [item.has('a'), item.has('b')])).toEqual([
    [true, true],
    [false, false],
  ])
  expect([payload.has('a'), payload.has('b')]).toEqual([true, false])
})

test('M-52 with several workers order is kept or given up, as a step says, and nothing hangs', async () => {
  await using executor = threads()
  const given = (others: number, ordered: boolean): Promise<unknown[]> =>
    nest(iter(overtaking(others)), step(work.overtaken, { ...onThread, workers: 2, ordered }))
      .with({ executors: [executor] })
      .list()
  expect(await given(1, true)).toEqual(range(5))
  const free = await given(3, false)
  expect(free.indexOf(0)).toBeGreaterThan(0)
  expect(free).toHaveLength(5)
})

test('M-52 filter and batch stand in line with a function; an item that is a list stays one', async () => {
  const pair = (n: number): unknown => [n, null]
  expect(await nest(iter(range(6)), filter(work.isOdd), map(pair), batch(2)).list()).toEqual([
    [
      [1, null],
      [3, null],
    ],
    [[5, null]],
  ])
})

test('M-52 an empty result is an empty list, and an error is no end of the stream', async () => {
  expect(
    await nest(
      iter(range(9)),
      filter(() => false),
      batch(2),
      parallel(String, String),
    ).list(),
  ).toEqual([])
  const error = await failureOf(() => nest(iter([1]), work.failing).list())
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', details: { node: 'failing' } })
  expect(error.cause).toBeInstanceOf(RangeError)
})

test('M-53 an error on a thread keeps its type, its message and its stack', async () => {
  const causes: unknown[] = []
  const one = nest(iter([7]), step(work.failing, onThread)).catch(({ cause }) => causes.push(cause))
  expect(await ran(one)).toEqual([])
  expect(causes).toEqual([new RangeError('no 7')])
  expect((causes[0] as Error).stack).toContain('work.mjs')
})

test('M-54 parallelism is changed while a nest runs', async () => {
  let [most, inProgress] = [0, 0]
  const held: (() => void)[] = []
  const hold = async (n: number): Promise<number> => {
    most = Math.max(most, ++inProgress)
    await new Promise<void>((resolve) => {
      held.push(resolve)
      if (held.length === 4) for (const open of held) open()
      if (n > 3) resolve()
    })
    inProgress--
    return n
  }
  const one = nest(iter(range(8)), hold)
  expect(await one.with({ onStart: (pipeline) => pipeline.setWorkers('hold', 4) }).list()).toEqual(range(8))
  expect(most).toBe(4)
})

test('M-32 what a stage is constructed with may be a channel between two of them, beside the nest', async () => {
  const { port1, port2 } = new MessageChannel()
  const arrived = once(port2, 'message')
  class Posting extends Stage<number, number, [port: MessagePort]> {
    override do(n: number): void {
      this.args[0].postMessage(n)
    }
  }
  class Posted extends Stage<never, number, [port: MessagePort]> {
    override async setup(port: MessagePort): Promise<void> {
      const [item] = await arrived
      await this.put(item)
      port.close()
    }
  }
  const items = await nest(broadcast([iter([7]), new Posting(port1)], new Posted(port2))).list()
  expect(items).toEqual([7])
})

test('M-07 as with a factory makes members that need no class', async () => {
  const adder = (amount: number) => (n: number) => n + amount
  expect((await nest(iter(range(4)), as(2, adder, 10)).list()).toSorted()).toEqual([10, 11, 12, 13])
})
