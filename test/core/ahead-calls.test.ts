import { AsyncLocalStorage } from 'node:async_hooks'
import type { CallDone, Executor, NodeProperties } from '@pipelines/core'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { items, line, same, start } from '../support/plans.js'
import { turns } from '../support/turns.js'

interface Begun extends CallDone {
  readonly value: unknown
}

/** An executor whose calls are begun and end when the test says so. */
function ahead(perWorker: number) {
  const calls: Begun[] = []
  const executor: Executor = {
    name: 'ahead',
    open: ({ control }) => {
      control.setCallsPerWorker(perWorker)
      return { run: same, begin: (value, _, done) => void calls.push({ value, ...done }) }
    },
  }
  return { calls, executor }
}

const begun = (calls: readonly Begun[]): unknown[] => calls.map(({ value }) => value)
const stage = (executor: Executor, props: Partial<NodeProperties> = {}) => ({ coro: same, executor, props })

/** Lets each call give what it was given, again and again until all that was begun has. */
async function answer(calls: Begun[], left: () => number): Promise<void> {
  while (left() > 0) {
    await turns(8)
    for (const { value, resolve } of calls.splice(0)) resolve(value)
  }
}

describe('calls ahead', () => {
  test('are begun for as many items as the workers may be given', async () => {
    const { calls, executor } = ahead(3)
    const run = start(line({ src: items(...Array(20).keys()), out: stage(executor, { workers: 2 }) }))
    await turns(20)
    expect(begun(calls)).toEqual([0, 1, 2, 3, 4, 5])
    await answer(calls, () => 20 - run.values.length)
    expect((await run.report()).nodes.out).toMatchObject({ received: 20, completed: 20, unprocessed: 0 })
  })

  test('are as many as that until what they gave has left', async () => {
    const { calls, executor } = ahead(2)
    const shut = gate()
    const slow = { coro: async (value: unknown) => shut.opened.then(() => value), props: { queueSize: 1 } }
    const run = start(line({ src: items(...Array(9).keys()), work: stage(executor), out: slow }))
    for (let round = 0; round < 10; round++) {
      await turns(10)
      for (const { value, resolve } of calls.splice(0)) resolve(value)
    }
    const { work } = run.network.snapshot().nodes
    const held = (work?.received ?? 0) - (work?.completed ?? 0)
    expect([held, work?.inProgress]).toEqual([2, 2])
    shut.open()
    await answer(calls, () => 9 - run.values.length)
    await run.report()
  })

  test.each([
    [true, [0, 1, 2, 3]],
    [false, [3, 2, 1, 0]],
  ])('give their results in order where that is asked for: %s', async (ordered, expected) => {
    const { calls, executor } = ahead(4)
    const run = start(line({ src: items(0, 1, 2, 3), out: stage(executor, { ordered }) }))
    await turns(20)
    for (const { value, resolve } of calls.splice(0).reverse()) {
      resolve(value)
      await turns(2)
    }
    await run.report()
    expect(run.values).toEqual(expected)
  })

  test('that fail are items that fail', async () => {
    const { calls, executor } = ahead(4)
    const run = start(line({ src: items(0, 1, 2, 3), out: stage(executor, { onError: 'skip' }) }))
    await turns(20)
    for (const { value, resolve, reject } of calls) value === 2 ? reject(new Error('mine')) : resolve(value)
    const report = await run.report()
    expect([run.values, report.nodes.out?.failed, report.errors[0]?.cause]).toEqual([[0, 1, 3], 1, new Error('mine')])
  })

  test('that go on when the run is doomed are unprocessed, and what they give is late', async () => {
    const { calls, executor } = ahead(4)
    const run = start(line({ src: items(0, 1, 2, 3), out: stage(executor) }))
    await turns(20)
    void run.network.doomsday('enough')
    for (const { value, resolve } of calls) resolve(value)
    const { nodes, unprocessed } = await run.report()
    expect([nodes.out?.unprocessed, nodes.out?.late, unprocessed.length]).toEqual([4, 4, 4])
  })

  test('are not begun while paused; what has begun goes on, and leaves', async () => {
    const { calls, executor } = ahead(1)
    const run = start(line({ src: items(0, 1), out: stage(executor) }))
    await turns(20)
    run.network.pause()
    calls.shift()?.resolve('first')
    await turns(20)
    expect([run.values, calls.length]).toEqual([['first'], 0])
    run.network.resume()
    await turns(20)
    calls.shift()?.resolve('second')
    await run.report()
    expect(run.values).toEqual(['first', 'second'])
  })

  test('hand on what they give in the scope of the run, whoever brings it', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const { calls, executor } = ahead(1)
    const out = (): void => void seen.push(storage.getStore())
    const run = storage.run('run', () => start(line({ src: items(0), work: stage(executor), out })))
    await turns(20)
    storage.run('bringer', () => calls.shift()?.resolve(0))
    await run.report()
    expect(seen).toEqual(['run'])
  })

  test('keep their workers busy, and not more than there are', async () => {
    const { calls, executor } = ahead(8)
    const run = start(line({ src: items(...Array(8).keys()), out: stage(executor, { workers: 2 }) }))
    await turns(20)
    await new Promise((resolve) => setTimeout(resolve, 20))
    for (const { value, resolve } of calls) resolve(value)
    const { nodes, durationMs } = await run.report()
    expect(nodes.out?.busyMs).toBeGreaterThan(20)
    expect(nodes.out?.busyMs).toBeLessThanOrEqual(2 * durationMs)
  })
})
