import { type Context, type Coro, defineCoro } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { expect, test, vi } from 'vitest'
import { pacer } from '../../packages/core/src/pacer.js'
import { range, same, start } from '../support/plans.js'
import { turns } from '../support/turns.js'

type Inputs = AsyncIterableIterator<number>

test('an instance that was retired finishes its work before it is torn down, and its output is not lost', async () => {
  const held = gate()
  let ended = 0
  let tornDown = 0
  const sum = async function* (inputs: Inputs): AsyncGenerator<number> {
    let total = 0
    for await (const n of inputs) total += n
    if (ended++ === 0) await held.opened
    yield total
  }
  const coro = defineCoro({ kind: 'stream', setup: () => 1, run: sum as never, teardown: () => void tornDown++ })
  const run = start({
    in: { kind: 'inlet', to: ['sum'] },
    sum: { kind: 'stream', coro, props: { workers: 2 }, to: ['out'] },
    out: { coro: same },
  })
  for (const n of range(5)) await run.network.put(0, n)
  run.network.setWorkers(1, 1)
  await turns()
  run.network.end(0)
  await turns()
  expect([ended, tornDown]).toEqual([2, 0])
  held.open()
  expect((await run.report()).outcome).toBe('completed')
  expect([(run.values as number[]).reduce((a, b) => a + b), tornDown]).toEqual([10, 2])
})

test('a request for input ends with its instance, and takes nothing from the others', async () => {
  const seen: number[] = []
  let answer: Promise<IteratorResult<number>> | undefined
  const coro = async (inputs: Inputs, { worker }: Context): Promise<void> => {
    if (worker.index === 0) answer = inputs.next()
    else for await (const n of inputs) seen.push(n)
  }
  const run = start({
    in: { kind: 'inlet', to: ['work'] },
    work: { kind: 'stream', coro: coro as unknown as Coro, props: { workers: 2 } },
  })
  await turns()
  for (const n of range(4)) await run.network.put(0, n)
  run.network.end(0)
  await run.report()
  expect([seen, await answer]).toEqual([range(4), { done: true, value: undefined }])
})

test('a request that lets the event loop breathe looks again before it takes', async () => {
  const breath = gate()
  const go = gate()
  vi.spyOn(pacer, 'due').mockReturnValueOnce(true)
  vi.spyOn(pacer, 'turn').mockReturnValueOnce(breath.opened)
  const seen: number[] = []
  const coro = async (inputs: Inputs, { worker }: Context): Promise<void> => {
    if (worker.index === 0) return void inputs.next()
    await go.opened
    for await (const n of inputs) seen.push(n)
  }
  const run = start({
    in: { kind: 'inlet', to: ['work'] },
    work: { kind: 'stream', coro: coro as unknown as Coro, props: { workers: 2 } },
  })
  await turns()
  for (const n of range(4)) await run.network.put(0, n)
  breath.open()
  await turns()
  go.open()
  run.network.end(0)
  await run.report()
  vi.restoreAllMocks()
  expect(seen).toEqual(range(4))
})
