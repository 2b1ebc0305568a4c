import { type Coro, Counters, type PipelineError, packet, Queue } from '@pipelines/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Scope } from '../../packages/core/src/packet.js'
import { ZipInlet } from '../../packages/core/src/zip.js'
import { finish, items, range, type Spec, start } from '../support/plans.js'

type Unequal = 'strict' | 'shortest' | 'longest'

/** Queues that are full of the given values and have ended, and a zip over them. */
function zipped(unequal: Unequal, ...sides: (readonly unknown[])[]) {
  const queues = sides.map(() => new Queue(100))
  const errors: PipelineError[] = []
  const counters = new Counters()
  const inlet = new ZipInlet(queues, {
    node: 'z',
    inputs: sides.map((_, side) => `side${side}`),
    unequal,
    counters,
    scope: new Scope(),
    wake: () => {},
    onUnequal: (error) => errors.push(error),
  })
  queues.forEach((queue, side) => {
    for (const value of sides[side] ?? []) queue.offer(packet(value))
    queue.end()
  })
  const tuples: unknown[] = []
  for (let next = inlet.take(); next; next = inlet.take()) tuples.push(next.value)
  return { tuples, errors, counters, inlet, queues }
}

describe('a join by position', () => {
  test('pairs the n-th packets of all inputs', () => {
    const { tuples, errors, counters, inlet } = zipped('strict', [1, 2], ['a', 'b'], [true, false])
    expect(tuples).toEqual([
      [1, 'a', true],
      [2, 'b', false],
    ])
    expect([errors, counters.received, inlet.over]).toEqual([[], 6, true])
  })

  test('"strict" gives the pairs there are, then the counts of every input', () => {
    const { tuples, errors, inlet } = zipped('strict', [1, 2, 3], ['a'])
    expect(tuples).toEqual([[1, 'a']])
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({
      code: 'PLB_RUN_UNEQUAL',
      details: { node: 'z', counts: { side0: 3, side1: 1 } },
      message: expect.stringContaining('"side0" gave 3, "side1" gave 1'),
    })
    expect(inlet.over).toBe(true)
  })

  test('"shortest" closes the longer sides and reports nothing', () => {
    const { tuples, errors, queues } = zipped('shortest', [1, 2, 3], ['a', 'b'])
    expect([tuples.length, errors, queues.map((queue) => queue.closed)]).toEqual([2, [], [true, true]])
    expect(queues.map((queue) => queue.unprocessed)).toEqual([1, 0])
  })

  test('"longest" fills in undefined and counts only what came', () => {
    const { tuples, errors, counters } = zipped('longest', [1], [], ['a', 'b'])
    expect(tuples).toEqual([
      [1, undefined, 'a'],
      [undefined, undefined, 'b'],
    ])
    expect([errors, counters.received]).toEqual([[], 3])
  })

  test('has the lengths that its mode promises, whatever the inputs are', () => {
    const side = fc.nat(6)
    const check = (unequal: Unequal, ...lengths: number[]): void => {
      const { tuples, errors } = zipped(unequal, ...lengths.map(range))
      const expected = unequal === 'longest' ? Math.max(...lengths) : Math.min(...lengths)
      expect(tuples).toHaveLength(expected)
      expect(errors).toHaveLength(unequal === 'strict' && new Set(lengths).size > 1 ? 1 : 0)
    }
    fc.assert(fc.property(fc.constantFrom<Unequal>('strict', 'shortest', 'longest'), side, side, side, check))
  })

  test('waits for the slower side while that may still give something', () => {
    const queues = [new Queue(2), new Queue(2)]
    const inlet = new ZipInlet(queues, {
      node: 'z',
      inputs: ['a', 'b'],
      unequal: 'longest',
      counters: new Counters(),
      scope: new Scope(),
      wake: () => {},
      onUnequal: () => {},
    })
    queues[0]?.offer(packet(1))
    expect([inlet.ready, inlet.take()]).toEqual([false, undefined])
    queues[1]?.end()
    expect([inlet.ready, inlet.take()?.value]).toEqual([true, [1, undefined]])
  })
})

/** Two sources of these lengths, paired by position. */
const pair = (left: number, right: number, unequal: Unequal): Spec => ({
  left: { coro: items(...range(left)), to: ['zip'] },
  right: { coro: items(...range(right)), to: ['zip'] },
  zip: { coro: ([a, b]: [number, number]) => `${a}-${b}`, props: { unequal, queueSize: 2 } },
})

describe('two sources that are paired by position', () => {
  test('are paired to the end when they are equally long', async () => {
    const { report, values } = await finish(pair(30, 30, 'strict'))
    expect([report.outcome, values]).toEqual(['completed', range(30).map((n) => `${n}-${n}`)])
  })

  test('end as failed after all the pairs there are, when they are not', async () => {
    const { report, values } = await finish(pair(5, 20, 'strict'))
    expect(values).toEqual(range(5).map((n) => `${n}-${n}`))
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'PLB_RUN_UNEQUAL', details: { node: 'zip' } } })
    expect(report.error?.details).toMatchObject({ counts: { left: 5 } })
  })

  test('under "shortest" the longer source is stopped, and that is a success', async () => {
    let stopped = false
    const endless: Coro = function* () {
      try {
        for (let n = 0; ; n++) yield n
      } finally {
        stopped = true
      }
    }
    const { left = {}, zip = {} } = pair(3, 0, 'shortest')
    const { report, values } = await finish({ left, right: { coro: endless, to: ['zip'] }, zip })
    expect([report.outcome, values, stopped]).toEqual(['completed', ['0-0', '1-1', '2-2'], true])
  })

  test('under "longest" the rest is paired with undefined', async () => {
    const { report, values } = await finish(pair(1, 3, 'longest'))
    expect([report.outcome, values]).toEqual(['completed', ['0-0', 'undefined-1', 'undefined-2']])
  })

  test('keep the longer side waiting in its queue', async () => {
    const { right = {}, zip = {} } = pair(0, 100, 'strict')
    const run = start({ left: { kind: 'inlet', to: ['zip'] }, right, zip })
    await run.network.put(0, 'x')
    const edge = run.network.snapshot().edges.find(({ from }) => from === 'right')
    expect(edge?.depth).toBeLessThanOrEqual(2)
    await run.network.doomsday()
    expect((await run.report()).outcome).toBe('doomed')
  })
})
