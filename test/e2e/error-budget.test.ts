import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { chain, from, having, nodeOf, plumberOf, range, type Stage, same } from '../support/blackbox.js'
import { expectSound, inVirtualTime, obedient, played, timed } from '../support/virtual-time.js'

/** Fails at whatever is named as bad; the error says which it was. */
const strict = (value: unknown): unknown => {
  if (String(value).startsWith('bad')) throw new Error(String(value))
  return value
}

const budget = (count: number, perMs: number, properties: object = {}, coro: Stage = strict): Stage =>
  having({ onError: 'skip', maxErrors: { count, perMs }, ...properties }, coro)

/** Bad values, each at its time. */
const badAt = (...times: readonly number[]): Stage => timed(...times.map((ms, place) => [ms, `bad ${place}`] as const))

/** Runs bad values that come at these times through a node that allows so many in 100 ms. */
const failingAt = (count: number, times: readonly number[], properties: object = {}) =>
  played(chain({ src: badAt(...times), mid: budget(count, 100, properties), out: same }), { ledger: true })

describe('maxErrors', () => {
  test('ends the run at the failure after those that are allowed, with that error', () =>
    inVirtualTime(async () => {
      const { report, settledMs } = await failingAt(2, [0, 10, 20, 30])
      expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_NODE_FAILED', details: { node: 'mid' } } })
      expect(report.error?.cause).toMatchObject({ message: 'bad 2' })
      expect(settledMs).toBe(20)
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 3, failed: 3, completed: 0 })
      expect(report.errors.map(({ cause }) => (cause as Error).message)).toEqual(['bad 0', 'bad 1', 'bad 2'])
      expect(report.roots).toMatchObject({ errored: 3 })
    }))

  test('lets as many fail as it says, at once', () =>
    inVirtualTime(async () => {
      const values = [...range(5), 'bad a', 'bad b', 'bad c', ...range(5)]
      const { report, values: seen } = await played(chain({ src: from(...values), mid: budget(3, 100), out: same }))
      expect(seen).toEqual([...range(5), ...range(5)])
      expect(report).toMatchObject({ outcome: 'completed' })
      expect(report.error).toBeUndefined()
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 13, completed: 10, failed: 3 })
    }))

  test.each<[string, number, number[]]>([
    ['far apart', 1, [0, 150, 300, 450]],
    ['in groups that are far apart', 2, [0, 1, 150, 151, 300, 301]],
    ['just far enough apart', 2, [0, 50, 101, 151, 202, 252]],
  ])('lets any number fail that are %s', (_how, count, times) =>
    inVirtualTime(async () => {
      const { report } = await failingAt(count, times)
      expect(report).toMatchObject({ outcome: 'completed', roots: { errored: times.length } })
      expect(nodeOf(report, 'mid').failed).toBe(times.length)
    }),
  )

  test.each<[string, number, number[], number]>([
    ['just too close', 2, [0, 50, 99, 300], 99],
    ['across any border', 2, [90, 95, 105, 300], 105],
    ['after a long peace', 2, [0, 1_000, 2_000, 2_050, 2_099, 3_000], 2_099],
    ['long after others that were allowed', 3, [0, 1, 2, 500, 501, 502, 503, 900], 503],
    ['the very first', 1, [10, 10, 300], 10],
  ])('looks at every stretch of time: %s', (_how, count, times, endMs) =>
    inVirtualTime(async () => {
      const { report, settledMs } = await failingAt(count, times)
      expect(report).toMatchObject({ outcome: 'failed' })
      expect(settledMs).toBe(endMs)
      const place = times.lastIndexOf(endMs)
      expect(report.error?.cause).toMatchObject({ message: `bad ${place}` })
      expect(nodeOf(report, 'mid').failed).toBe(place + 1)
    }),
  )

  test('counts items, not attempts', () =>
    inVirtualTime(async () => {
      const retry = { attempts: 5, minDelayMs: 1, jitter: 'none' }
      const { report } = await failingAt(2, [0, 0], { retry })
      expect(report.outcome).toBe('completed')
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 2, retried: 8 })
    }))

  test('counts timeouts too', () =>
    inVirtualTime(async () => {
      const mid = budget(1, 100, { timeoutMs: 20 }, obedient(1_000))
      const { report, settledMs } = await played(chain({ src: from(1, 2, 3), mid }))
      expect(report).toMatchObject({
        outcome: 'failed',
        error: { code: 'PLB_NODE_TIMEOUT', details: { timeoutMs: 20 } },
      })
      expect(settledMs).toBe(40)
      expect(nodeOf(report, 'mid')).toMatchObject({ received: 2, failed: 2 })
    }))

  test('counts an item of a join once', () =>
    inVirtualTime(async () => {
      const nodes = { src: from('bad a', 1, 'bad b'), a: same, b: same, join: budget(2, 100) }
      const { report } = await played(plumberOf(nodes, { src: ['a', 'b'], a: ['join'], b: ['join'] }))
      expect(report.outcome).toBe('completed')
      expect(nodeOf(report, 'join')).toMatchObject({ received: 6, completed: 2, failed: 4 })
    }))

  test('turns "route" into "fail" as well: the last error is not routed', () =>
    inVirtualTime(async () => {
      const nodes = { src: badAt(0, 10, 20, 30), mid: budget(2, 100, { onError: 'route' }), out: same, dead: same }
      const plumber = plumberOf(nodes, { src: ['mid'], mid: ['out', { to: 'dead', port: 'error' }] })
      const { report, valuesOf, settledMs } = await played(plumber, { ledger: true })
      expect(settledMs).toBe(20)
      expect(report).toMatchObject({ outcome: 'failed', error: { cause: { message: 'bad 2' } } })
      expect(valuesOf('dead')).toMatchObject([{ input: 'bad 0' }, { input: 'bad 1' }])
      expect(report.roots).toMatchObject({ deadLettered: 2, errored: 1 })
      expect(nodeOf(report, 'mid')).toMatchObject({ failed: 3, emitted: 2 })
    }))

  test('aborts what is in progress, and whatever waits', () =>
    inVirtualTime(async () => {
      const seen: string[] = []
      const slow = async (value: string, ctx: { readonly signal: AbortSignal }) => {
        if (value.startsWith('bad')) return strict(value)
        await sleep(10_000, undefined, { signal: ctx.signal }).catch(() => seen.push(value))
        throw ctx.signal.reason
      }
      const mid = budget(1, 100, { workers: 3, ordered: false }, slow)
      const { report, settledMs } = await played(chain({ src: from('long', 'bad 0', 'also', 'bad 1', 'last'), mid }))
      expect(seen).toEqual(['long', 'also'])
      expect(settledMs).toBe(0)
      expect(report.error?.cause).toMatchObject({ message: 'bad 1' })
      expect(report.errors).toHaveLength(2)
      expect(report.unprocessed.map(({ value }) => value).toSorted()).toEqual(['also', 'last', 'long'])
    }))

  test('holds for its own node', () =>
    inVirtualTime(async () => {
      const plumber = chain({
        src: from('bad 1', 'worse 1', 'bad 2', 'worse 2', 'good'),
        bad: budget(2, 100),
        worse: budget(2, 100, {}, (value: string) => (value.startsWith('worse') ? strict(`bad ${value}`) : value)),
      })
      const { report, values } = await played(plumber)
      expect([report.outcome, values]).toEqual(['completed', ['good']])
    }))

  test('holds for its own run', () =>
    inVirtualTime(async () => {
      const plumber = chain({ src: from('bad 1', 'bad 2', 3), mid: budget(2, 1_000_000) })
      for (const run of await Promise.all([played(plumber), played(plumber)]))
        expect(run.report.outcome).toBe('completed')
      expect((await played(plumber)).report.outcome).toBe('completed')
    }))

  test('looks at the clock, and keeps no time of its own: a pipeline that stands still has no timer', () =>
    inVirtualTime(async () => {
      const pipeline = chain({ in: 'std.inlet', mid: budget(1, 100) }).createPipeline()
      await pipeline.put('bad 0')
      await sleep(150)
      await pipeline.put('bad 1')
      await sleep(50)
      expect(pipeline.snapshot().state).toBe('running')
      await pipeline.put('bad 2')
      const report = await pipeline.settled
      expect(report.error?.cause).toMatchObject({ message: 'bad 2' })
      expectSound(report, ['in'])
    }))
})
