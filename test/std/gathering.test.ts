import { describe, expect, test } from 'vitest'
import { range } from '../support/blackbox.js'
import { through } from './ready.js'

describe('std.batch', () => {
  test.each<[size: number, batches: number[][]]>([
    [1, [[0], [1], [2], [3], [4]]],
    [2, [[0, 1], [2, 3], [4]]],
    [5, [[0, 1, 2, 3, 4]]],
    [9, [[0, 1, 2, 3, 4]]],
  ])('gives lists of %i, the last one shorter', async (size, batches) => {
    expect(await through('batch', range(5), { size })).toEqual(batches)
  })

  test('gives nothing where nothing came', async () => {
    expect(await through('batch', [], { size: 2 })).toEqual([])
  })

  test('hands each list on for good', async () => {
    const [first, second] = await through('batch', range(4), { size: 2 })
    expect(first).not.toBe(second)
  })

  test('loses nothing with several workers, each of which fills lists of its own', async () => {
    const lists = await through('batch', range(9), { size: 4 }, { workers: 2 })
    expect((lists as number[][]).flat().sort((a, b) => a - b)).toEqual(range(9))
  })
})

describe('std.window', () => {
  interface WindowArgs {
    readonly size: number
    readonly step?: number
    readonly partial?: boolean
  }

  test.each<[args: WindowArgs, count: number, windows: number[][]]>([
    [
      { size: 2 },
      4,
      [
        [0, 1],
        [1, 2],
        [2, 3],
      ],
    ],
    [{ size: 3 }, 2, []],
    [{ size: 3, partial: true }, 2, [[0, 1]]],
    [{ size: 3, partial: true }, 3, [[0, 1, 2]]],
    [{ size: 3, partial: true }, 0, []],
    [
      { size: 2, step: 2 },
      5,
      [
        [0, 1],
        [2, 3],
      ],
    ],
    [{ size: 2, step: 2, partial: true }, 5, [[0, 1], [2, 3], [4]]],
    [{ size: 1, step: 3 }, 7, [[0], [3], [6]]],
    [{ size: 2, step: 4, partial: true }, 5, [[0, 1], [4]]],
    [{ size: 2, step: 4, partial: true }, 4, [[0, 1]]],
    [
      { size: 3, step: 2, partial: true },
      6,
      [
        [0, 1, 2],
        [2, 3, 4],
        [4, 5],
      ],
    ],
  ])('%j of %i items', async (args, count, windows) => {
    expect(await through('window', range(count), { ...args })).toEqual(windows)
  })

  test('gives the windows that the property gives', async () => {
    for (const size of [1, 2, 3])
      for (const step of [1, 2, 4])
        for (const partial of [true, false]) {
          const window = { size, step, partial }
          expect(await through('window', range(8), window)).toEqual(await through('pass', range(8), {}, { window }))
        }
  })
})
