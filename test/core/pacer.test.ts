import { type Context, type Coro, PipelineError, type SourceOutput } from '@pipelines/core'
import { describe, expect, test } from 'vitest'
import { pacer } from '../../packages/core/src/pacer.js'
import { finish, line, range, same, start } from '../support/plans.js'

test('after a long synchronous stretch it is time for a turn, and not right after one', async () => {
  await pacer.turn()
  expect(range(64).some(() => pacer.due())).toBe(false)
  const until = performance.now() + 12
  while (performance.now() < until);
  expect(range(32).some(() => pacer.due())).toBe(true)
  await pacer.turn()
  expect(range(64).some(() => pacer.due())).toBe(false)
})

test('all who wait share one turn of the event loop', () => {
  const [first, second] = [pacer.turn(), pacer.turn()]
  expect(first).toBe(second)
  return first
})

test('timers fire while a run of synchronous work goes on (S34)', async () => {
  const busy = (n: number): number => {
    let sum = n
    for (let step = 0; step < 2_000; step++) sum += step % 7
    return sum
  }
  let ticks = 0
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    ticks++
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }, 5)
  const { report } = await finish(line({ src: () => range(60_000), work: busy, out: same }))
  clearInterval(timer)
  expect(report.nodes.out?.completed).toBe(60_000)
  expect(ticks).toBeGreaterThanOrEqual(3)
  expect(longest).toBeLessThan(report.durationMs / 2)
})

describe('a deadline is kept beside', () => {
  /** Far more items than the deadline allows; still, an end. */
  const many = 400_000
  const options = { deadlineMs: 20, graceMs: 1_000 }
  const all = async (inputs: AsyncIterable<unknown>): Promise<void> => {
    for await (const _ of inputs);
  }
  const eager = async (output: SourceOutput, { signal }: Context): Promise<void> => {
    for (let n = 0; n < many && !signal.aborted; n++) await output.put(n)
  }

  test.each([
    ['no successor', line({ src: eager as Coro })],
    ['a stream', line({ src: eager as Coro, all: { kind: 'stream', coro: all as never } })],
    ['a function', line({ src: eager as Coro, out: () => undefined })],
  ])('a source that puts as fast as it can, with %s behind it', async (_, spec) => {
    expect((await finish(spec, options)).report.error?.code).toBe('PLB_RUN_DEADLINE')
  })

  test.each([
    ['a stream', { all: { kind: 'stream' as const, coro: all as never } }],
    ['a function', { out: { coro: () => undefined } }],
    ['nothing', {}],
  ])('puts as fast as they can be, with %s behind the inlet', async (_, behind) => {
    const run = start(line({ in: { kind: 'inlet' }, ...behind }), options)
    const putting = async (): Promise<void> => {
      for (let n = 0; n < many; n++) await run.network.put(0, n)
    }
    await expect(putting()).rejects.toBeInstanceOf(PipelineError)
    expect((await run.report()).error?.code).toBe('PLB_RUN_DEADLINE')
  })
})
