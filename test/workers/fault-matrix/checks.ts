import { imbalances } from '@pipelines/core'
import { expect } from 'vitest'
import { expectAmong } from '../../e2e/fault-matrix/checks.js'
import type { Model } from '../../e2e/fault-matrix/model.js'
import { expectBalancedBooks } from '../../support/books.js'
import { type Alive, alive, comesTrue } from '../hosts/alive.js'
import type { Seen } from './trial.js'

/** Asserts what must hold of every run, however it has ended. */
export function expectSound({ report, outputs }: Seen, unharmed: Model, abandoned: readonly string[] = []): void {
  expect(imbalances(report), 'books').toEqual([])
  expectBalancedBooks(report, [])
  expectAmong(outputs, unharmed)
  expect(report.abandoned, 'abandoned').toEqual(abandoned)
}

/** Asserts that a run has completed, and every count, verdict and output is as computed. */
export function expectExact({ report, outputs }: Seen, model: Model): void {
  expect({ outcome: report.outcome, unprocessed: report.unprocessed }, report.error?.message).toEqual({
    outcome: 'completed',
    unprocessed: [],
  })
  for (const [name, counts] of model.counts) expect(report.nodes[name], `node ${name}`).toMatchObject(counts)
  expect(report.roots, 'verdicts').toEqual(model.roots)
  for (const [leaf, texts] of model.outputs) {
    const given = (outputs.get(leaf) ?? []).map(({ text }) => text)
    if (model.isInOrder(leaf)) expect(given, `outputs of ${leaf}, in order`).toEqual(texts)
    else expect(given.toSorted(), `outputs of ${leaf}`).toEqual(texts.toSorted())
  }
}

/** Runs something; afterwards no thread and no process may be left that was not there before. */
export async function leavingNothingAlive(work: () => Promise<void>): Promise<void> {
  const before = alive()
  await work()
  await expectNothingMore(before)
}

/** Asserts that soon no thread and no process is there that was not there before. */
export async function expectNothingMore(before: Alive): Promise<void> {
  await comesTrue(() => isNothingMore(before))
  const now = alive()
  expect(
    now.children.filter((pid) => !before.children.includes(pid)),
    'processes left',
  ).toEqual([])
  expect(now.threads, 'threads').toBeLessThanOrEqual(before.threads)
}

function isNothingMore(before: Alive): boolean {
  const { threads, children } = alive()
  return threads <= before.threads && children.every((pid) => before.children.includes(pid))
}
