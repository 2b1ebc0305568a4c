import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Structure } from '../../../packages/plumber/src/graph/order.js'

function structure(size: number, edges: readonly (readonly [number, number])[]): Structure {
  const made = new Structure(size)
  for (const [from, to] of edges) made.connect(from, to, 'out')
  return made
}

const pairs = (names: string, text: string): [number, number][] =>
  text
    .split(' ')
    .filter(Boolean)
    .map((pair) => [names.indexOf(pair.charAt(0)), names.indexOf(pair.charAt(1))])
const orderOf = (names: string, edges: string): string =>
  structure(names.length, pairs(names, edges))
    .order()
    .map((number) => names[number])
    .join('')
const cyclesOf = (names: string, edges: string): string[] =>
  structure(names.length, pairs(names, edges))
    .cycles()
    .map((path) => path.map((number) => names[number]).join(''))

describe('the order', () => {
  test.each([
    ['abcd', '', 'abcd'],
    ['abcd', 'da cb', 'cbda'],
    ['abcd', 'ab ac bd cd', 'abcd'],
    ['dcba', 'ab ac bd cd', 'acbd'],
    ['abcde', 'bc cb ae cd', 'ae'],
  ])('of %s with %s is %s', (names, edges, order) => {
    expect(orderOf(names, edges)).toBe(order)
  })

  test('puts every node behind its predecessors, and the first of those that could come next', () => {
    const size = 8
    const edge = fc.tuple(fc.nat(size - 1), fc.nat(size - 1)).filter(([a, b]) => a !== b)
    fc.assert(
      fc.property(fc.array(edge), fc.shuffledSubarray([...Array(size).keys()], { minLength: size }), (drawn, rank) => {
        const edges = drawn.map(([a, b]) => ((rank[a] ?? 0) < (rank[b] ?? 0) ? ([a, b] as const) : ([b, a] as const)))
        const order = structure(size, edges).order()
        const before = new Set<number>()
        const ready = (node: number): boolean =>
          !before.has(node) && edges.every(([from, to]) => to !== node || before.has(from))
        for (const node of order) {
          expect([...Array(size).keys()].find(ready)).toBe(node)
          before.add(node)
        }
        expect(order).toHaveLength(size)
      }),
    )
  })
})

describe('cycles', () => {
  test.each([
    ['abc', 'ab bc', []],
    ['abc', 'ab bc ca', ['abca']],
    ['a', 'aa', ['aa']],
    ['abcd', 'ab bc cd da ca', ['abca']],
    ['abcdef', 'ab ba cd dc bc ee ef', ['aba', 'cdc', 'ee']],
    ['cab', 'ab bc ca', ['cabc']],
  ])('of %s with %s are %j', (names, edges, cycles) => {
    expect(cyclesOf(names, edges)).toEqual(cycles)
  })

  test('are found exactly where the order leaves nodes out', () => {
    const edge = fc.tuple(fc.nat(5), fc.nat(5))
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 12 }), (edges) => {
        const made = structure(6, edges)
        expect(made.cycles().length > 0).toBe(made.order().length < 6)
        for (const path of made.cycles()) {
          expect(path.at(0)).toBe(path.at(-1))
          path.slice(1).forEach((to, step) => {
            expect(edges).toContainEqual([path[step], to])
          })
        }
      }),
    )
  })
})

test('an edge is there once per port', () => {
  const made = new Structure(2)
  expect([made.connect(0, 1, 'out'), made.connect(0, 1, 'x'), made.connect(0, 1, 'out')]).toEqual([true, true, false])
})

test('a chain of 100,000 nodes is ordered, a cycle of 20,000 found', () => {
  const links = (size: number): [number, number][] => Array.from({ length: size - 1 }, (_, n) => [n, n + 1])
  const upwards = links(100_000).map(([from, to]): [number, number] => [to, from])
  expect(structure(100_000, upwards).order().at(-1)).toBe(0)
  const [cycle] = structure(20_000, [...links(20_000), [19_999, 0]]).cycles()
  expect(cycle).toHaveLength(20_001)
})
