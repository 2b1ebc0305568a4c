import { type Gate, gate } from '@pipelines/testkit'
import { expect, test } from 'vitest'
import { batched, noting } from '../support/batches.js'
import { chain, same, settlesSoon, turns, unfused } from '../support/blackbox.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Incomplete batches with items that somebody waits for.
 */
stillClock()

test('a batch waits for an item that is several nodes away, though all between stands still', async () => {
  const gates: Gate[] = [gate(), gate()]
  const { calls, coro } = noting()
  const far = async (n: number) => {
    await gates[n]?.opened
    return n
  }
  const pipeline = chain({
    in: unfused('std.inlet'),
    far: unfused(far, { workers: 2, ordered: false }),
    near: unfused(same),
    batch: batched(100, coro),
  }).createPipeline()
  const answers = [pipeline.process(0), pipeline.process(1)]
  gates[0]?.open()
  await turns()
  expect(calls).toEqual([])
  gates[1]?.open()
  expect(await Promise.all(answers)).toEqual([0, 1])
  expect(calls).toEqual([[0, 1]])
  await pipeline.drain()
})

test('a batch to which nothing more is on its way goes ahead, though something may still come in', async () => {
  const pipeline = chain({ in: unfused('std.inlet'), batch: batched(100, same) }).createPipeline()
  const answer = pipeline.process(1)
  expect(await settlesSoon(answer)).toBe(true)
  expect(await answer).toBe(1)
  await pipeline.drain()
})
