import { concat, flow, run } from '@pipelines/flow'
import { gate } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { expectBalancedBooks } from '../support/books.js'
import { byPlumber, byText, double, Endless, first, namesOf, negate, nodesOf } from './flow-support.js'

/** A stage that counts its calls, on items that do not change. */
function counted(items: readonly number[]): { calls: number; flow: ReturnType<typeof flow<number>> } {
  const counting = { calls: 0, flow: flow(items) }
  counting.flow = counting.flow.tee(() => counting.calls++)
  return counting
}

describe('concat', () => {
  test('gives the items of all, each flow in its order', async () => {
    const merged = await concat([flow([1, 2, 3]), flow([-1, -2]), flow([100])]).toArray()
    expect(merged.filter((n) => n > 0 && n < 100)).toEqual([1, 2, 3])
    expect(merged.filter((n) => n < 0)).toEqual([-1, -2])
    expect(merged).toHaveLength(6)
  })

  test('serves whoever has items: one flow that waits holds up no other', async () => {
    const open = gate()
    const waiting = flow([0]).tee(() => open.opened)
    const merged = concat([waiting, flow([1, 2])]).tee((n) => n === 2 && open.open())
    expect(await merged.toArray()).toEqual([1, 2, 0])
  })

  test('keeps none waiting behind an endless one', async () => {
    const merged = concat([flow(new Endless()).map(negate), flow([1]).filter((n) => n > 0)])
    expect(
      await first(
        1,
        merged.filter((n) => n > 0),
      ),
    ).toEqual([1])
  })

  test('of a flow and others is the same', async () => {
    expect(
      (
        await flow([1])
          .concat(flow(['a']), flow([true]))
          .toArray()
      )
        .map(String)
        .sort(),
    ).toEqual(['1', 'a', 'true'])
  })

  test('of nothing else is the flow itself', async () => {
    expect(await flow([1, 2]).concat().toArray()).toEqual([1, 2])
    expect(await concat([flow([1, 2])]).toArray()).toEqual([1, 2])
  })

  test('ends when all have ended, and fails when one fails', async () => {
    const failing = flow([1]).tee(() => {
      throw new RangeError('no')
    })
    await expect(concat([flow([1, 2]), failing]).run()).rejects.toMatchObject({ cause: { name: 'RangeError' } })
  })

  test('that is left early closes all sources', async () => {
    const sources = [new Endless(), new Endless(), new Endless()]
    await first(5, concat(sources.map((source) => flow(source))))
    expect(sources.map(({ returned }) => returned)).toEqual([1, 1, 1])
  })

  test('has the name and the queue that it is given', () => {
    const merged = concat([flow([1]), flow([2])], { name: 'both', queueSize: 3 })
    expect(nodesOf(merged)['both']).toEqual({ coro: 'std.pass', properties: { aggregateInputs: false, queueSize: 3 } })
  })

  test('of a hundred flows gives the items of all', async () => {
    const flows = Array.from({ length: 100 }, (_, n) => flow([n]))
    expect(new Set(await concat(flows).toArray()).size).toBe(100)
  })
})

describe('the same flow several times', () => {
  test('gives its items so many times, and runs once', async () => {
    const one = counted([1, 2])
    const three = one.flow.concat(one.flow, one.flow)
    expect((await three.toArray()).sort()).toEqual([1, 1, 1, 2, 2, 2])
    expect(one.calls).toBe(2)
  })

  test('in one concat of another', async () => {
    const one = flow([1]).map(double)
    const twice = one.concat(one)
    expect(await twice.concat(one).toArray()).toEqual([2, 2, 2])
    expect(await twice.concat(twice).toArray()).toEqual([2, 2, 2, 2])
  })

  test('is told apart in the graph by nodes that pass everything on', async () => {
    const one = flow([1])
    expect(namesOf(concat([one, one, one]))).toEqual(['from', 'concat', 'copy', 'copy-2'])
    expect(await byText(concat([one, one, one]))).toEqual([1, 1, 1])
  })

  test('doubled many times is as large a graph as there are stages', async () => {
    let many = flow([1])
    for (let level = 0; level < 8; level++) many = many.concat(many)
    expect(namesOf(many)).toHaveLength(1 + 2 * 8)
    expect(await many.toArray()).toHaveLength(256)
  })
})

describe('a stage that two others follow', () => {
  test('is one node, runs once, and both get all its items', async () => {
    const one = counted([1, 2, 3])
    const both = concat([one.flow.map(double), one.flow.map(negate)])
    expect((await both.toArray()).sort((a, b) => a - b)).toEqual([-3, -2, -1, 2, 4, 6])
    expect(one.calls).toBe(3)
    expect(namesOf(both)).toEqual(['from', 'tee', 'double', 'negate', 'concat'])
  })

  test('is one node for a Plumber, too', async () => {
    const one = counted([1])
    expect((await byPlumber(one.flow.map(double).concat(one.flow.map(negate)))).sort()).toEqual([-1, 2])
    expect(one.calls).toBe(1)
  })

  test('goes on for the other when one has enough', async () => {
    const one = counted([1, 2, 3, 4])
    const both = concat([one.flow.take(1), one.flow.map(negate)])
    expect((await both.toArray()).sort((a, b) => a - b)).toEqual([-4, -3, -2, -1, 1])
  })

  test('has a source that is read once', async () => {
    const items = new Endless()
    const one = flow(items).take(3)
    await run([one.map(double), one.map(negate)])
    expect(items).toMatchObject({ begun: 1, returned: 1 })
  })
})

test('a stage that shares gives each item to one of those that follow', async () => {
  const one = flow([1, 2, 3, 4]).map((n) => n, { fanOut: 'share' })
  const both = await concat([one.map(double), one.map((n) => n * 2)]).toArray()
  expect(both.sort()).toEqual([2, 4, 6, 8])
})

test.each([[[1]], 5, null, {}])('%o is no flow', (other) => {
  const refused = expect.objectContaining({ code: 'PLB_OPTION_INVALID' })
  expect(() => concat([other as never])).toThrow(refused)
  expect(() => flow([1]).concat(other as never)).toThrow(refused)
  expect(() => flow([1]).pipe(other as never)).toThrow(refused)
})

describe('run', () => {
  test('of several flows runs them together, and what they share once', async () => {
    const seen: number[] = []
    const one = counted([1, 2])
    const report = await run([one.flow.each((n) => seen.push(n)), one.flow.map(negate).each((n) => seen.push(n))])
    expect(seen.sort()).toEqual([-1, -2, 1, 2])
    expect(one.calls).toBe(2)
    expect(report?.outcome).toBe('completed')
    if (report) expectBalancedBooks(report, [])
  })

  test('of none does nothing', async () => {
    expect(await run([])).toBeUndefined()
  })

  test('of what is no flow is refused', async () => {
    await expect(run([[1] as never])).rejects.toMatchObject({ code: 'PLB_OPTION_INVALID' })
  })

  test('of one flow twice runs it once', async () => {
    const one = counted([1, 2])
    await run([one.flow, one.flow])
    expect(one.calls).toBe(2)
  })

  test('of a flow and of one behind it runs both', async () => {
    const seen: number[] = []
    const one = counted([1, 2])
    await run([one.flow, one.flow.each((n) => seen.push(n))])
    expect([one.calls, seen]).toEqual([2, [1, 2]])
  })

  test('rejects with the error of any of them', async () => {
    const error = new RangeError('no')
    const failing = flow([1]).each(() => {
      throw error
    })
    await expect(run([flow(new Endless()), failing])).rejects.toMatchObject({ cause: error })
  })

  test('takes the options of a run', async () => {
    const seen: unknown[] = []
    await run([flow([1]), flow([2])], { onOutput: ({ value }) => void seen.push(value) })
    expect(seen.sort()).toEqual([1, 2])
  })
})
