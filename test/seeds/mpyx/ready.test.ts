import type { Context } from '@pipelines/core'
import {
  batch,
  broadcast,
  constant,
  filter,
  iter,
  map,
  nest,
  parallel,
  print,
  read,
  stamp,
  write,
} from '@pipelines/flow/nest'
import { expect, test } from 'vitest'
import { failureOf, range, turns } from '../../support/blackbox.js'
import { folderWith } from '../../support/folder.js'
import { inc, printed, sorted } from './members.js'

test('M-34 constant gives an item so many times: no time at all where that is 0', async () => {
  expect(await nest(constant('ant', 3)).list()).toEqual(['ant', 'ant', 'ant'])
  expect(await nest(constant('ant', 0)).list()).toEqual([])
})

test('M-34 without a count it goes on for ever, and notices stop', async () => {
  const seen: unknown[] = []
  const one = nest(constant(null), (item: unknown) => {
    if (seen.push(item) === 100) one.stop()
  })
  expect((await one.join())?.outcome).toBe('doomed')
  expect(seen.length).toBeGreaterThanOrEqual(100)
})

test('M-35 iter gives all that an iterable has, then ends', async () => {
  async function* late(): AsyncGenerator<number, void, void> {
    yield 1
    await turns(1)
    yield 2
  }
  expect(await nest(iter([1, 2])).list()).toEqual([1, 2])
  expect(await nest(iter(new Set(['a', 'b']))).list()).toEqual(['a', 'b'])
  expect(await nest(iter(late())).list()).toEqual([1, 2])
  expect(await nest(iter([])).list()).toEqual([])
})

test('M-36 further arguments follow the item, for map and for filter, and then comes the context', async () => {
  const between = (n: number, low: number, high: number): boolean => n >= low && n <= high
  const times = (n: number, factor: number, { node }: Context): string => `${node} ${n * factor}`
  expect(await nest(iter(range(5)), filter(between, 3, 5), map(times, 10)).list()).toEqual(['times 30', 'times 40'])
})

test('M-37 batch makes lists of a size, 64 unless told, and the rest at the end', async () => {
  const sizes = async (...size: [] | [number]): Promise<unknown> =>
    (await nest<number[]>(iter(range(130)), batch(...size)).list()).map(({ length }) => length)
  expect(await sizes()).toEqual([64, 64, 2])
  expect(await sizes(65)).toEqual([65, 65])
  expect(await nest(iter([]), batch(2)).list()).toEqual([])
})

test('M-40 print prints what passes, with a prefix if need be', async () => {
  const lines = printed()
  expect(await nest(iter([1, { a: 'b' }]), print(), print('> ')).list()).toEqual([1, { a: 'b' }])
  expect(lines.toSorted()).toEqual(['1', '> 1', "> { a: 'b' }", "{ a: 'b' }"])
})

test('M-40 stamp prints a counter as items pass', async () => {
  const lines = printed()
  expect(await nest(iter(['x', 'y']), stamp()).list()).toEqual(['x', 'y'])
  await nest(iter(['x']), stamp('word')).run()
  expect(lines).toEqual(['Processing item 1', 'Processing item 2', 'word 1'])
})

test('M-41 read gives a file line by line, the ends of lines too where that is asked for', async () => {
  const { of } = folderWith({ 'in.txt': 'ant\nbee\n\ncow' })
  expect(await nest(read(of('in.txt'))).list()).toEqual(['ant', 'bee', '', 'cow'])
  expect(await nest(read(of('in.txt'), { keepNewlines: true })).list()).toEqual(['ant\n', 'bee\n', '\n', 'cow'])
})

test('M-41 a file that is not there fails the run with the reason', async () => {
  const { of } = folderWith()
  const error = await failureOf(() => nest(read(of('none.txt'))).list())
  expect(error).toMatchObject({ code: 'PLB_NODE_FAILED', cause: { code: 'ENOENT' } })
})

test('M-42 write writes each item and passes it on; the file is there at the end', async () => {
  const { of, text, names } = folderWith()
  expect(await nest(iter(['ant', 'bee\n']), write(of('out.txt')), inc2).list()).toEqual(['ant!', 'bee\n!'])
  expect(text('out.txt')).toBe('ant\nbee\n')
  expect(names()).toEqual(['out.txt'])
})
const inc2 = (word: string): string => `${word}!`

test('M-42 a run that fails leaves the file as it was', async () => {
  const { of, text, names } = folderWith({ 'out.txt': 'before\n' })
  const fails = (): never => {
    throw new Error('no')
  }
  await failureOf(() => nest(iter(['ant']), write(of('out.txt')), fails).run())
  expect([names(), text('out.txt')]).toEqual([['out.txt'], 'before\n'])
})

test('M-T01 a list is printed', async () => {
  const lines = printed()
  await nest(iter([1, 2, 3, 4, 5]), print()).run()
  expect(lines).toEqual(['1', '2', '3', '4', '5'])
})

test('M-T02 five times 0, plus one, prints five ones', async () => {
  const lines = printed()
  await nest(constant(0, 5), inc, print()).run()
  expect(lines).toEqual(['1', '1', '1', '1', '1'])
})

test('M-T04 two parallel printers share five items', async () => {
  const lines = printed()
  await nest(iter(range(5)), parallel(print(), print())).run()
  expect(sorted(lines)).toEqual(['0', '1', '2', '3', '4'])
})

test('M-T05 two broadcast printers print ten', async () => {
  const lines = printed()
  await nest(iter(range(5)), broadcast(print(), print())).run()
  expect(sorted(lines)).toEqual(['0', '0', '1', '1', '2', '2', '3', '3', '4', '4'])
})

test('M-T08 bare functions map', async () => {
  const lines = printed()
  await nest(iter([1, 2]), inc, inc, print()).run()
  expect(lines).toEqual(['3', '4'])
})

test('M-T09 map with a further argument, and with a lambda', async () => {
  const add = (n: number, amount: number): number => n + amount
  expect(
    await nest(
      iter([1, 2]),
      map(add, 10),
      map((n: number) => n * 2),
    ).list(),
  ).toEqual([22, 24])
})

test('M-T10 filter keeps what is more than 2', async () => {
  expect(
    await nest(
      iter([1, 2, 3, 4, 5]),
      filter((x: number) => x > 2),
    ).list(),
  ).toEqual([3, 4, 5])
})

test('M-T11 batches of two over five items are of 2, 2 and 1', async () => {
  const batches = await nest<number[]>(iter([1, 2, 3, 4, 5]), batch(2)).list()
  expect(batches.map(({ length }) => length)).toEqual([2, 2, 1])
})

test('M-T19 a file that is read and joined is the file again', async () => {
  const content = 'first\nsecond\r\n\nthe last has no end'
  const { of, text } = folderWith({ 'in.txt': content })
  const lines = await nest<string>(read(of('in.txt'), { keepNewlines: true })).list()
  expect(lines.join('')).toBe(content)
  await nest(read(of('in.txt'), { format: 'bytes' }), write(of('copy.txt'), { format: 'bytes' })).run()
  expect(text('copy.txt')).toBe(content)
})
