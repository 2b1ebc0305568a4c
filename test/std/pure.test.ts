import { Plumber } from '@pipelines/plumber'
import { pureStd, std } from '@pipelines/std'
import { expect, test } from 'vitest'

const documentOf = (coro: string) => ({ nodes: { n: { coro } }, graph: {} })
const namesOf = (coros: typeof std): readonly string[] => [...coros.names()]

test.each(['read', 'write', 'glob', 'fetch', 'exec', 'ffmpeg'])('std.%s is none of those for strangers', (name) => {
  const codes = Plumber.check(documentOf(`std.${name}`), { coroMap: [pureStd] }).map(({ code }) => code)
  expect(codes).toEqual(['PLB_CORO_NOT_FOUND'])
})

test('all the others are', () => {
  expect(namesOf(std).length - namesOf(pureStd).length).toBe(6)
  expect(namesOf(std)).toEqual(expect.arrayContaining([...namesOf(pureStd)]))
})

test('they do the same', async () => {
  const graph = { nodes: { n: { coro: 'std.range', args: { end: 3 } } }, graph: {} }
  expect(await new Plumber(graph, { coroMap: [pureStd] }).collect()).toEqual([0, 1, 2])
})
