import { type Context, DROP, defineCoro } from '@pipelines/core'
import { concat, flow } from '@pipelines/flow'
import { gate, type Random, randomOf } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import { indexed } from '../../packages/flow/src/element-index.js'
import { reorder } from '../../packages/flow/src/reorder.js'
import { chain } from '../support/blackbox.js'
import { double, first, namesOf, nodesOf } from './flow-support.js'

describe('behind a single source', () => {
  /** Three workers, of which the one with the first item waits for the other two. */
  const overtaking = (): ReturnType<typeof flow<number>> => {
    const open = gate()
    return flow([1, 2, 3]).map(
      async (n) => {
        if (n === 1) await open.opened
        if (n === 3) open.open()
        return n
      },
      { workers: 3, ordered: false },
    )
  }

  test('items that overtake others do so', async () => {
    expect(await overtaking().toArray()).toEqual([2, 3, 1])
  })

  test('ordered() makes the stages before it keep order', async () => {
    expect(await overtaking().ordered().toArray()).toEqual([1, 2, 3])
    expect(nodesOf(overtaking().ordered())['map']?.properties).toEqual({ workers: 3, ordered: true })
  })

  test('ordered() needs no node, and no items know their places', () => {
    expect(nodesOf(flow([1]).map(double).ordered())).toEqual({ from: { coro: 'from' }, double: { coro: 'double' } })
  })

  test('ordered() says nothing of stages behind it', () => {
    const described = flow([1]).ordered().map(double, { workers: 2, ordered: false })
    expect(nodesOf(described)['double']?.properties).toEqual({ workers: 2, ordered: false })
  })

  test('ordered() holds nothing back: an endless source can be read', async () => {
    const numbers = (function* () {
      for (let n = 0; ; n++) yield n
    })()
    expect(await first(3, flow(numbers).map(double, { workers: 2, ordered: false }).ordered())).toEqual([0, 2, 4])
  })

  test('all the ways of a source that parts may be ordered', () => {
    const one = flow([1]).map(double, { ordered: false })
    const both = one.map(double, { name: 'left', ordered: false }).ordered().concat(one.ordered())
    const { double: before, left } = nodesOf(both)
    expect([before?.properties, left?.properties]).toEqual([{ ordered: true }, { ordered: true }])
  })

  test('ordered() at once behind the source changes nothing', async () => {
    expect(await flow([2, 1]).ordered().toArray()).toEqual([2, 1])
  })
})

describe('where several come together', () => {
  test('items come in order of their places, those of one place as they came', async () => {
    const merged = concat([flow([10, 11, 12]), flow([20, 21])])
    const sorted = await merged.ordered().toArray()
    expect(sorted.map((n) => n % 10)).toEqual([0, 0, 1, 1, 2])
  })

  test('parts of one item come in their order, before those of the next', async () => {
    const texts = flow(['ab', 'cd'])
    const merged = concat([texts.flatMap((text) => [...text]), texts.map((text) => text.toUpperCase())])
    expect(await merged.ordered().toArray()).toEqual(['AB', 'a', 'b', 'CD', 'c', 'd'])
  })

  test('there is a node, with the name that it is given', () => {
    const merged = concat([flow([1]), flow([2])])
    expect(namesOf(merged.ordered())).toContain('ordered')
    expect(namesOf(merged.ordered({ name: 'sorted' }))).toContain('sorted')
  })

  test('items of a flow without a source come in the order in which it was given them', async () => {
    const open = gate()
    const begin = flow<number>()
    const late = begin.tee(() => open.opened)
    const early = begin.map(double).tee((n) => n === 4 && open.open())
    expect(await concat([late, early]).ordered().toArray([1, 2])).toEqual([2, 1, 4, 2])
  })

  test('stages before it may go on as they are: the places tell the order', async () => {
    const open = gate()
    const late = flow([1, 2]).map(
      async (n) => {
        if (n === 1) await open.opened
        else open.open()
        return n
      },
      { workers: 2, ordered: false },
    )
    expect(
      await concat([late, flow<number>([])])
        .ordered()
        .toArray(),
    ).toEqual([1, 2])
  })

  test('order is made twice where it is asked for twice', async () => {
    const merged = concat([flow([1, 2]), flow([3, 4])]).ordered()
    expect(await merged.map(double).ordered().toArray()).toEqual([2, 6, 4, 8])
  })

  test('filters leave gaps that nobody waits for', async () => {
    const merged = concat([flow([0, 1, 2, 3]).filter((n) => n > 1), flow([9])])
    expect(await merged.ordered().toArray()).toEqual([9, 2, 3])
  })

  test('items that know no place come first, as they came', async () => {
    const flushed = flow([1, 2]).node<number>(defineCoro({ run: () => DROP, flush: () => 5 }))
    expect(
      await concat([flow([7, 8]), flushed])
        .ordered()
        .toArray(),
    ).toEqual([5, 7, 8])
  })
})

type Place = readonly number[]

/** What comes out when items with these places come in. */
function reordered(places: readonly Place[], options: { readonly window?: number } = {}): Promise<unknown[]> {
  function* source(_: unknown, context: Context): Generator<typeof DROP> {
    for (const [arrival, place] of places.entries()) {
      context.emit('out', `${place.join('.')} #${arrival}`, { meta: indexed(place) })
      yield DROP
    }
  }
  return chain({ source, ordered: reorder(options) }).collect()
}

/** Places of one to three numbers, some of them equal. */
const somePlaces = (random: Random): Place[] =>
  Array.from({ length: 40 }, () => Array.from({ length: random.integer(1, 3) }, () => random.integer(0, 3)))

describe('putting in order', () => {
  test.each([1, 2, 3, 4, 5])('is a stable sort by place (seed %i)', async (seed) => {
    const places = somePlaces(randomOf(seed))
    const expected = places
      .map((place, arrival) => ({ place, text: `${place.join('.')} #${arrival}` }))
      .sort((a, b) => compare(a.place, b.place))
    expect(await reordered(places)).toEqual(expected.map(({ text }) => text))
  })

  test('a window lets the first go as soon as it is full', async () => {
    expect(await reordered([[1], [0], [3], [2]], { window: 1 })).toEqual(['0 #1', '1 #0', '2 #3', '3 #2'])
  })

  test('a window as large as the disorder is enough, a smaller one ends the run', async () => {
    const places = [[3], [1], [2], [0]]
    expect(await reordered(places, { window: 3 })).toEqual(['0 #3', '1 #1', '2 #2', '3 #0'])
    await expect(reordered(places, { window: 2 })).rejects.toMatchObject({
      code: 'PLB_NODE_FAILED',
      message: expect.stringContaining('Item 0 came when item 1 had left already: a window of 2 is too small.'),
    })
  })

  test('equal places never come too late', async () => {
    expect(await reordered([[1], [1], [1], [1]], { window: 1 })).toEqual(['1 #0', '1 #1', '1 #2', '1 #3'])
  })

  test('of nothing gives nothing', async () => {
    expect(await reordered([])).toEqual([])
  })
})

/** The other way round: as places are written, number by number. */
function compare(a: Place, b: Place): number {
  for (const [at, number] of a.entries()) {
    const other = b[at]
    if (other === undefined) return 1
    if (number !== other) return number - other
  }
  return a.length === b.length ? 0 : -1
}

test.each([0, -1, 1.5, Number.NaN])('a window of %o is refused', async (window) => {
  const merged = () => concat([flow([1]), flow([2])]).ordered({ window })
  await expect((async () => merged().toArray())()).rejects.toHaveProperty('code')
})
