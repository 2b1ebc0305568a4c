import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { windowed } from '../support/batches.js'
import { chain, having, nodeOf, type Pipeline, range, same, settlesSoon, turns, unfused } from '../support/blackbox.js'
import { rootsOf } from '../support/ledger.js'
import { ask, expectNothingInside } from '../support/requests.js'
import { stillClock } from '../support/still-clock.js'

/*
 * Requests that are cancelled while they wait: nothing is done for them any more, and nothing is told of them.
 */
stillClock()

/** A node whose calls are noted, and wait at a gate. */
function watched() {
  const open = gate()
  const calls: number[] = []
  const coro = async (n: number): Promise<number> => {
    calls.push(n)
    await open.opened
    return n
  }
  return { open, calls, coro }
}

/** Of several requests, one is cancelled while all are where they cannot go on; tells for which of them calls were made. */
async function callsWithout(
  gone: number,
  requests: number,
  make: (coro: (n: number) => unknown) => Pipeline,
): Promise<{ readonly calls: readonly number[]; readonly accepted: number }> {
  const { open, calls, coro } = watched()
  const pipeline = make(coro)
  const asked = range(requests).map((n) => ask(pipeline, n))
  await turns()
  asked[gone]?.cancel()
  await turns()
  open.open()
  const others = asked.filter(({ value }) => value !== gone)
  expect(await Promise.all(others.map(({ answer }) => answer))).toEqual(others.map(({ value }) => value))
  expectNothingInside(pipeline)
  const report = await pipeline.drain()
  expect(report.errors).toEqual([])
  return { calls, accepted: nodeOf(report, 'in').received }
}

describe('no call is made for a request that was cancelled', () => {
  const narrow = (coro: (n: number) => unknown) =>
    chain({ in: unfused('std.inlet'), slow: unfused(coro, { queueSize: 1 }), out: same }).createPipeline()
  const oneCredit = (coro: (n: number) => unknown) =>
    windowed(
      1,
      { in: unfused('std.inlet'), slow: unfused(coro), other: same, join: ([n]: number[]) => n },
      { in: ['slow', 'other'], slow: ['join'], other: ['join'] },
    ).createPipeline()

  test('while it waited for room', async () => {
    expect(await callsWithout(2, 4, narrow)).toEqual({ calls: [0, 1, 3], accepted: 3 })
  })

  test('while it waited at the inlet', async () => {
    expect(await callsWithout(3, 5, narrow)).toEqual({ calls: [0, 1, 2, 4], accepted: 4 })
  })

  test('while it waited for a credit', async () => {
    expect(await callsWithout(1, 3, oneCredit)).toEqual({ calls: [0, 2], accepted: 2 })
  })

  test('while it waited behind one that did', async () => {
    expect(await callsWithout(2, 4, oneCredit)).toEqual({ calls: [0, 1, 3], accepted: 3 })
  })
})

test('a join that must not miss anything does not complain of a request that was cancelled', async () => {
  const { open, coro } = watched()
  const pipeline = windowed(
    1,
    {
      in: unfused('std.inlet'),
      slow: unfused(coro),
      other: same,
      join: having({ missing: 'fail', onError: 'skip' }, same),
    },
    { in: ['slow', 'other'], slow: ['join'], other: ['join'] },
  ).createPipeline()
  const asked = ask(pipeline, 1)
  await turns()
  asked.cancel()
  open.open()
  await turns()
  const report = await pipeline.drain()
  expect(report.errors).toEqual([])
  expect(nodeOf(report, 'join')).toMatchObject({ received: 1, unprocessed: 1, failed: 0 })
  expect(rootsOf(report)).toMatchObject({ aborted: 1, errored: 0 })
})

test('as many requests are let in as may be in flight, and no more', async () => {
  const { open, calls, coro } = watched()
  const pipeline = chain({ in: 'std.inlet', slow: unfused(coro, { workers: 9 }) }).createPipeline({ maxInFlight: 2 })
  const asked = range(3).map((n) => ask(pipeline, n))
  await turns()
  expect(calls).toEqual([0, 1])
  expect(await Promise.all(asked.map(({ answer }) => settlesSoon(answer)))).toEqual([false, false, true])
  open.open()
  expect(await Promise.all(asked.slice(0, 2).map(({ answer }) => answer))).toEqual([0, 1])
  await expect(asked[2]?.answer).rejects.toMatchObject({ code: 'PLB_RUN_OVERLOADED' })
  await pipeline.drain()
})
