import { imbalances } from '@pipelines/core'
import { expect, test } from 'vitest'

const counts = { emitted: 0, dropped: 0, retried: 0, late: 0, busyMs: 0 }
const edge = { from: 'a', port: 'out', to: 'b', waits: 0 }
const report = (node: { received: number; completed: number; failed: number; unprocessed: number }, left = 3) => ({
  nodes: {
    a: { ...counts, received: 0, completed: 0, failed: 0, unprocessed: 0 },
    b: { ...counts, ...node },
  },
  edges: [{ ...edge, entered: 4, left, unprocessed: 1 }],
})

test('balanced books have no imbalances', () => {
  expect(imbalances(report({ received: 3, completed: 1, failed: 1, unprocessed: 1 }))).toEqual([])
})

test('an item that a node forgot is named', () => {
  expect(imbalances(report({ received: 3, completed: 1, failed: 0, unprocessed: 1 }))).toEqual([
    'Node "b": received 3 ≠ completed 1 + failed 0 + unprocessed 1',
  ])
})

test('an item lost between an edge and its node is named on both', () => {
  expect(imbalances(report({ received: 3, completed: 3, failed: 0, unprocessed: 0 }, 2))).toEqual([
    'Edge "a" (out) → "b": entered 4 ≠ left 2 + unprocessed 1',
    'Node "b": received 3 ≠ 2 that left its input edges',
  ])
})
