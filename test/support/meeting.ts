import { expect } from 'vitest'
import { from, having, outputs, plumberOf, range, type Stage } from './blackbox.js'
import { expectBalancedBooks } from './books.js'

/** Joins of branches that give for each item what a test lists, and what the documents say of them. */

export const MISSING = ['skip', 'partial', 'fail'] as const
export const COLLECT = ['one', 'all', 'product'] as const
export type Missing = (typeof MISSING)[number]
export type Collect = (typeof COLLECT)[number]

/** Values that each input of a join got for one item. */
export type Parts = readonly (readonly unknown[])[]

/** What the documents say that a join makes of one item. */
export type Decision = { readonly tuples: readonly unknown[][] } | { readonly input: number; readonly count: number }

export function decide(parts: Parts, missing: Missing, collect: Collect): Decision {
  const empty = parts.findIndex(({ length }) => length === 0)
  if (empty >= 0 && missing === 'fail') return { input: empty, count: 0 }
  if (empty >= 0 && (missing === 'skip' || parts.flat().length === 0)) return { tuples: [] }
  if (collect === 'all') return { tuples: [[...parts]] }
  const several = parts.findIndex(({ length }) => length > 1)
  if (several >= 0 && collect === 'one') return { input: several, count: parts[several]?.length ?? 0 }
  return { tuples: productOf(parts.map((part) => (part.length === 0 ? [undefined] : part))) }
}

/** Every combination, the last part varying fastest. */
export function productOf(parts: Parts): unknown[][] {
  return parts.reduce<unknown[][]>((rows, part) => rows.flatMap((row) => part.map((value) => [...row, value])), [[]])
}

export const textOf = (value: unknown): string => JSON.stringify(value) ?? 'undefined'
export const byText = (a: unknown, b: unknown): number => (textOf(a) < textOf(b) ? -1 : 1)
export const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0)

/** Values by branch, and in each branch by item. */
export type Lists = Readonly<Record<string, Parts>>

/** A source of items, branches that give for each what is listed, and a join of them all. */
export function meeting(lists: Lists, join: Stage, behind: Readonly<Record<string, Stage>> = {}) {
  const branches = Object.entries(lists).map(([name, list]) => [name, (n: number) => list[n]?.values()] as const)
  const items = range(Math.max(...Object.values(lists).map(({ length }) => length)))
  const names = Object.keys(behind)
  return plumberOf(
    { src: from(...items), ...Object.fromEntries(branches), join, ...behind },
    {
      src: Object.keys(lists),
      ...Object.fromEntries(Object.keys(lists).map((name) => [name, ['join']])),
      join: names.slice(0, 1),
      ...Object.fromEntries(names.map((name, place) => [name, names.slice(place + 1, place + 2)])),
    },
  )
}

/** Runs to a good end; gives the outputs and the report. */
export async function finish(plumber: ReturnType<typeof plumberOf>) {
  const seen = outputs()
  const report = await plumber.run(undefined, seen.options)
  expect(report.outcome).toBe('completed')
  expectBalancedBooks(report, [])
  return { values: seen.values, report }
}

/** Lists of which one item has `counts` values: `a0`, `a1`, … for the first branch, `b0`, … for the second. */
export const crowd = (...counts: readonly number[]): Lists =>
  Object.fromEntries(
    counts.map((count, place) => ['abc'[place] ?? '', [range(count).map((n) => `${'abc'[place]}${n}`)]]),
  )
export const product = (coro: object, properties: Readonly<Record<string, unknown>> = {}): Stage =>
  having({ collect: 'product', ...properties }, coro)
export const combinations = (lists: Lists): unknown[][] => productOf(Object.values(lists).map(([first = []]) => first))
