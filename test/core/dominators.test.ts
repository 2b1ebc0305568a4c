import { Dominators } from '@pipelines/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { range } from '../support/plans.js'

type Pair = readonly [number, number]

function dominatorsOf(count: number, pairs: readonly Pair[], order: readonly number[] = range(count)): Dominators {
  const into: number[][] = range(count).map(() => [])
  for (const [from, to] of pairs) into[to]?.push(from)
  return new Dominators({ size: count, order, predecessors: (node) => into[node] ?? [] })
}

const immediate = (count: number, pairs: readonly Pair[], order?: readonly number[]): number[] => {
  const dominators = dominatorsOf(count, pairs, order)
  return range(count).map((node) => dominators.of(node))
}

/** All that dominate a node, itself first. */
function dominatorsUp(dominators: Dominators, node: number): number[] {
  const found: number[] = []
  for (let up = node; up !== -1; up = dominators.of(up)) found.push(up)
  return found
}

/** Nodes that can be reached from a source when `without` is taken out. */
function reachable(count: number, pairs: readonly Pair[], without: number): Set<number> {
  const seen = new Set(range(count).filter((node) => node !== without && !pairs.some(([, to]) => to === node)))
  for (const node of seen) for (const [from, to] of pairs) if (from === node && to !== without) seen.add(to)
  return seen
}

const randomGraph = fc
  .integer({ min: 2, max: 14 })
  .chain((count) =>
    fc
      .uniqueArray(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 30, selector: (pair) => pair.join() })
      .map((pairs) => ({ count, pairs: pairs.filter(([from, to]) => from < to) })),
  )

test('a node dominates another exactly when taking it out cuts the other off', () => {
  const check = ({ count, pairs }: { count: number; pairs: Pair[] }): void => {
    const dominators = dominatorsOf(count, pairs)
    for (const node of range(count)) {
      const expected = range(count).filter((other) => other !== node && !reachable(count, pairs, other).has(node))
      const [, ...found] = dominatorsUp(dominators, node)
      expect(found.toSorted((a, b) => a - b)).toEqual(expected)
      expect(dominators.depth(node)).toBe(expected.length + 1)
    }
  }
  fc.assert(fc.property(randomGraph, check), { numRuns: 500 })
})

test('the common dominator of two nodes is where their ways up meet, and below it they part', () => {
  const check = ({ count, pairs }: { count: number; pairs: Pair[] }): void => {
    const dominators = dominatorsOf(count, pairs)
    for (const a of range(count))
      for (const b of range(count)) {
        const [upA, upB] = [dominatorsUp(dominators, a), dominatorsUp(dominators, b)]
        const common = upA.find((node) => upB.includes(node)) ?? -1
        expect(dominators.common(a, b)).toBe(common)
        const below = upA.includes(common) ? upA[Math.max(0, upA.indexOf(common) - 1)] : upA.at(-1)
        expect(dominators.below(common, a)).toBe(below)
      }
  }
  fc.assert(fc.property(randomGraph, check), { numRuns: 200 })
})

test('in preorder, all that a node dominates comes right behind it', () => {
  const check = ({ count, pairs }: { count: number; pairs: Pair[] }): void => {
    const dominators = dominatorsOf(count, pairs)
    const numbers = dominators.preorder()
    expect(numbers.toSorted((a, b) => a - b)).toEqual(range(count))
    for (const node of range(count)) {
      const subtree = range(count).filter((other) => dominatorsUp(dominators, other).includes(node))
      const first = numbers[node] ?? -1
      expect(subtree.map((other) => (numbers[other] ?? -1) - first).toSorted((a, b) => a - b)).toEqual(
        range(subtree.length),
      )
    }
  }
  fc.assert(fc.property(randomGraph, check), { numRuns: 300 })
})

test('nothing dominates a source, nor what two sources reach', () => {
  expect(
    immediate(3, [
      [0, 2],
      [1, 2],
    ]),
  ).toEqual([-1, -1, -1])
})

test('the fork of a diamond dominates its join', () => {
  expect(
    immediate(4, [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 3],
    ]),
  ).toEqual([-1, 0, 0, 0])
})

test('a short cut past the inner fork moves the dominator outwards', () => {
  const diamond: Pair[] = [
    [0, 1],
    [1, 2],
    [1, 3],
    [2, 4],
    [3, 4],
  ]
  expect(immediate(5, diamond)[4]).toBe(1)
  expect(immediate(5, [...diamond, [0, 4]])[4]).toBe(0)
})

test('the order of the nodes may be any topological one', () => {
  const pairs: Pair[] = [
    [3, 1],
    [3, 2],
    [1, 0],
    [2, 0],
  ]
  expect(immediate(4, pairs, [3, 2, 1, 0])).toEqual([3, 3, 3, -1])
})

test('a ladder of 20,000 diamonds is analysed in a moment', () => {
  const pairs = range(20_000).flatMap((rung): Pair[] => {
    const top = 3 * rung
    return [
      [top, top + 1],
      [top, top + 2],
      [top + 1, top + 3],
      [top + 2, top + 3],
    ]
  })
  const started = process.cpuUsage()
  const dominators = dominatorsOf(60_001, pairs)
  expect([dominators.of(60_000), dominators.depth(60_000)]).toEqual([59_997, 20_001])
  expect(dominators.preorder()[60_000]).toBe(60_000)
  expect(process.cpuUsage(started).user / 1000).toBeLessThan(3_000)
})
