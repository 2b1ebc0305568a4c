import type { Context } from '@pipelines/core'
import { concat, elementIndex, type Flow, flow } from '@pipelines/flow'
import { describe, expect, test } from 'vitest'
import { all, double, nodesOf } from './flow-support.js'

const place = (_: unknown, context: Context): readonly number[] | undefined => elementIndex(context)
const indexed = { elementIndex: true }
const letters = (text: string): string[] => [...text]

/** The places of what comes out, as the caller is told them. */
async function places(flow: Flow<unknown>): Promise<(readonly number[])[]> {
  return (await all(flow.toIterable({ returnIndex: true }))).map(({ index }) => index)
}

describe('elementIndex', () => {
  test('is the position in the source, where the source was told to tell', async () => {
    expect(await flow(['a', 'b'], indexed).map(place).toArray()).toEqual([[0], [1]])
  })

  test('is not known elsewhere: nobody asked', async () => {
    expect(await flow(['a', 'b']).map(place).map(String).toArray()).toEqual(['undefined', 'undefined'])
  })

  test('has one number more for each flatMap', async () => {
    const parts = flow(['ab'], indexed).flatMap(letters)
    expect(await parts.map(place).toArray()).toEqual([
      [0, 0],
      [0, 1],
    ])
    expect(
      await parts
        .flatMap((letter) => [letter, letter])
        .map(place)
        .toArray(),
    ).toEqual([
      [0, 0, 0],
      [0, 0, 1],
      [0, 1, 0],
      [0, 1, 1],
    ])
  })

  test('stays with items that a filter lets pass, and with what becomes of them', async () => {
    const described = flow([1, 2, 3], indexed)
      .filter((n) => n > 1)
      .map(double)
      .tee(() => {})
    expect(await described.map(place).toArray()).toEqual([[1], [2]])
  })

  test('stays on a way through concat, whichever it is', async () => {
    const merged = concat([flow([1], indexed), flow(['ab'], indexed).flatMap(letters)])
    expect((await merged.map(place).toArray()).sort()).toEqual([[0], [0, 0], [0, 1]])
  })

  test('is told by one source and not by another, as each was told', async () => {
    const merged = concat([flow([1], indexed), flow([2])])
    expect((await merged.map(place).map(String).toArray()).sort()).toEqual(['0', 'undefined'])
  })

  test('is in what functions of a stage see themselves', async () => {
    const seen: unknown[] = []
    const note = (_: unknown, context: Context): unknown => seen.push(elementIndex(context))
    await flow(['ab'], indexed).filter(note).tee(note).flatMap(letters).each(note).run()
    expect(seen.slice(0, 2)).toEqual([[0], [0]])
    expect(seen.slice(2)).toEqual([
      [0, 0],
      [0, 1],
    ])
  })

  test('of a source is told after early parts have left: an async flatMap', async () => {
    const described = flow(['ab'], indexed).flatMap(async function* (text) {
      yield* letters(text)
    })
    expect(await described.map(place).toArray()).toEqual([
      [0, 0],
      [0, 1],
    ])
  })

  test('costs flows nothing that do not know of it', () => {
    expect(nodesOf(flow(['a']).flatMap(letters))['letters']).toEqual({ coro: 'std.flatMap', args: { fn: 'letters' } })
    expect(nodesOf(flow(['a'], indexed).flatMap(letters))['letters']?.args).toEqual({
      fn: 'letters',
      elementIndex: true,
    })
  })
})

describe('returnIndex', () => {
  test('tells the places though nobody else knows of them', async () => {
    expect(await all(flow(['a', 'b']).toIterable({ returnIndex: true }))).toEqual([
      { index: [0], value: 'a' },
      { index: [1], value: 'b' },
    ])
  })

  test('tells several outputs of one function the same place', async () => {
    const twice = flow([1]).map(function* (n) {
      yield n
      yield n
    })
    expect(await places(twice)).toEqual([[0], [0]])
  })

  test('tells the places of what was taken, skipped and met before', async () => {
    expect(await places(flow([5, 5, 6, 7, 8]).skip(1).distinct().take(2))).toEqual([[1], [2]])
  })

  test('tells a batch the place of its last item', async () => {
    expect(await places(flow([1, 2, 3]).batch(2))).toEqual([[1], [2]])
  })

  test('tells the places behind a merge, in any order', async () => {
    expect(await places(concat([flow([1, 2]), flow([3])]).ordered())).toEqual([[0], [0], [1]])
  })

  test('tells the places of what an inlet is given, too', async () => {
    const open = flow<number>().map(double)
    expect(await all(open.toIterable({ returnIndex: true }, [1, 2]))).toEqual([
      { index: [0], value: 2 },
      { index: [1], value: 4 },
    ])
  })

  test('counts places of items that are DROP for nobody', async () => {
    const kept = flow([1, 2, 3]).filter((n) => n !== 2)
    expect(await places(kept)).toEqual([[0], [2]])
  })

  test('goes with maxSize', async () => {
    expect(await all(flow(['a']).toIterable({ returnIndex: true, maxSize: 1 }))).toEqual([{ index: [0], value: 'a' }])
  })
})
