import { describe, expect, test } from 'vitest'
import { given, lineOf, valuesOf } from './ready.js'

const three = { count: 3 }

describe('std.const', () => {
  test('gives its value so many times', async () => {
    expect(await given('const', { value: 'a', count: 3 })).toEqual(['a', 'a', 'a'])
  })

  test('gives nothing where "count" is 0', async () => {
    expect(await given('const', { value: 'a', count: 0 })).toEqual([])
  })

  test('gives its value until nobody wants more', async () => {
    expect(
      await valuesOf(
        lineOf([
          ['const', { value: 1 }],
          ['take', three],
        ]),
      ),
    ).toEqual([1, 1, 1])
  })

  test.each([null, false, 0, '', { a: 1 }])('gives %j, which is a value like any other', async (value) => {
    expect(await given('const', { value, count: 1 })).toEqual([value])
  })
})

describe('std.iter', () => {
  test('gives the items of its list, which are not opened', async () => {
    expect(await given('iter', { items: [1, [2, 3], 'four', null] })).toEqual([1, [2, 3], 'four', null])
  })

  test('gives nothing where the list is empty', async () => {
    expect(await given('iter', { items: [] })).toEqual([])
  })
})

describe('std.range', () => {
  test.each<[args: { start?: number; end: number; step?: number }, numbers: number[]]>([
    [{ end: 3 }, [0, 1, 2]],
    [{ start: 2, end: 5 }, [2, 3, 4]],
    [{ start: 1, end: 8, step: 3 }, [1, 4, 7]],
    [{ end: 7, step: 3 }, [0, 3, 6]],
    [{ end: 6, step: 3 }, [0, 3]],
    [{ start: 3, end: -3, step: -2 }, [3, 1, -1]],
    [{ end: 0 }, []],
    [{ start: 5, end: 2 }, []],
    [{ end: 3, step: -1 }, []],
  ])('counts %j', async (args, numbers) => {
    expect(await given('range', args)).toEqual(numbers)
  })

  test('ends at the largest numbers too', async () => {
    const end = Number.MAX_SAFE_INTEGER
    expect(await given('range', { start: end - 2, end })).toEqual([end - 2, end - 1])
  })

  test('ends when nobody wants more', async () => {
    const all = { end: Number.MAX_SAFE_INTEGER }
    expect(
      await valuesOf(
        lineOf([
          ['range', all],
          ['take', three],
        ]),
      ),
    ).toEqual([0, 1, 2])
  })
})
