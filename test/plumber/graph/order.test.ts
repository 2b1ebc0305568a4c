import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Structure } from '../../../packages/plumber/src/graph/order.js'

function structure(names: readonly string[], edges: readonly (readonly [string, string])[]): Structure {
  const made = new Structure(names)
  for (const [from, to] of edges) made.connect(from, to, 'out')
  return made
}

const pairs = (text: string): [string, string][] =>
  text
    .split(' ')
    .filter(Boolean)
    .map((pair) => [pair.charAt(0), pair.charAt(1)])
const orderOf = (names: string, edges: string): string =>
  structure([...names], pairs(edges))
    .order()
    .map((number) => names[number])
    .join('')
const cyclesOf = (names: string, edges: string): string[] =>
  structure([...names], pairs(edges))
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
        const order = structure(
          [...Array(size).keys()].map(String),
          edges.map(([a, b]) => [String(a), String(b)]),
        ).order()
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
    const edge = fc.tuple(fc.constantFrom(...'abcdef'), fc.constantFrom(...'abcdef'))
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 12 }), (edges) => {
        const made = structure([...'abcdef'], edges)
        expect(made.cycles().length > 0).toBe(made.order().length < 6)
        for (const path of made.cycles()) {
          expect(path.at(0)).toBe(path.at(-1))
          path.slice(1).forEach((to, step) => {
            expect(edges).toContainEqual(['abcdef'[path[step] ?? -1], 'abcdef'[to]])
          })
        }
      }),
    )
  })
})

test('an edge is there once per port', () => {
  const made = new Structure(['a', 'b'])
  expect([made.connect('a', 'b', 'out'), made.connect('a', 'b', 'x'), made.connect('a', 'b', 'out')]).toEqual([
    true,
    true,
    false,
  ])
})

test('no name reaches Object.prototype', () => {
  const before = Object.getOwnPropertyNames(Object.prototype)
  const made = structure(['__proto__', 'constructor'], [['__proto__', 'constructor']])
  expect(made.order()).toEqual([0, 1])
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before)
})

test('a chain of 100,000 nodes is ordered, a cycle of 20,000 found', () => {
  const chain = Array.from({ length: 100_000 }, (_, n) => `n${n}`)
  const links = (names: readonly string[]): [string, string][] => names.slice(1).map((to, n) => [names[n] ?? '', to])
  expect(structure(chain.toReversed(), links(chain)).order().at(-1)).toBe(0)
  const ring = chain.slice(0, 20_000)
  const [cycle] = structure(ring, [...links(ring), ['n19999', 'n0']]).cycles()
  expect(cycle).toHaveLength(20_001)
})
