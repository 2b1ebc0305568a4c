import { DROP } from '@pipelines/core'
import type { Plumber } from '@pipelines/plumber'
import { expect } from 'vitest'
import { from, having, plumberOf, type Report, type Stage } from './blackbox.js'
import { expectBalancedBooks } from './books.js'

/** Helpers of the tests of the ledger. */

export type Roots = NonNullable<Report['roots']>

export const NONE: Roots = { delivered: 0, filtered: 0, errored: 0, aborted: 0, deadLettered: 0 }
export const LEDGER = { ledger: true }

export function rootsOf({ roots }: Report): Roots {
  if (roots === undefined) throw new Error('The report has no roots.')
  return roots
}

export const countOf = (roots: Roots): number => Object.values(roots).reduce((sum, count) => sum + count, 0)

/** The verdicts of a run, which must be the same with and without shared call chains. */
export async function verdictsOf(plumber: Plumber, input?: Iterable<unknown>): Promise<Roots> {
  const kept = input === undefined ? undefined : [...input]
  const [fused, alone] = [await plumber.run(kept, LEDGER), await plumber.run(kept, { ...LEDGER, fuse: false })]
  for (const report of [fused, alone]) expectBalancedBooks(report)
  expect(rootsOf(alone)).toEqual(rootsOf(fused))
  return rootsOf(fused)
}

/** A filter. */
export const even = (n: number) => (n % 2 ? DROP : n)

/** Throws at what is listed. */
export const refusing =
  (...bad: readonly unknown[]) =>
  (value: unknown) => {
    if (bad.some((one) => String(one) === String(value))) throw new Error(`not ${value}`)
    return value
  }

/** A node that skips what is listed. */
export const badFor = (...bad: readonly unknown[]): Stage => having({ onError: 'skip' }, refusing(...bad))

/** A source of numbers with two branches that are joined. */
export const diamond = (numbers: readonly number[], nodes: { a: Stage; b: Stage; join: Stage }) =>
  plumberOf({ src: from(...numbers), ...nodes }, { src: ['a', 'b'], a: ['join'], b: ['join'] })

/** Two sources that are joined by position. */
export const zip = (left: readonly unknown[], right: readonly unknown[], join: Stage) =>
  plumberOf({ left: from(...left), right: from(...right), join }, { left: ['join'], right: ['join'] })
