import { expect, test } from 'vitest'
import { type Books, type EdgeBooks, expectBalancedBooks, type NodeBooks } from './books.js'

const idle: NodeBooks = {
  received: 0,
  completed: 0,
  failed: 0,
  unprocessed: 0,
  emitted: 0,
  dropped: 0,
  retried: 0,
  late: 0,
  busyMs: 0,
}

/** A source of five items, of which three reached the leaf: two were completed, one failed, and two never left the edge. */
function books(edge: Partial<EdgeBooks> = {}, leaf: Partial<NodeBooks> = {}, source: Partial<NodeBooks> = {}): Books {
  return {
    nodes: {
      src: { ...idle, emitted: 5, ...source },
      out: { ...idle, received: 3, completed: 2, failed: 1, emitted: 2, busyMs: 0.5, ...leaf },
    },
    edges: [{ from: 'src', port: 'out', to: 'out', entered: 5, left: 3, unprocessed: 2, waits: 0, ...edge }],
  }
}

test('books that balance are accepted', () => {
  expectBalancedBooks(books())
  expectBalancedBooks(books(), [])
  expectBalancedBooks(books({}, {}, { received: 5, completed: 5 }))
  expectBalancedBooks(books({}, {}, { received: 5, completed: 5 }), ['src'])
})

test.each<[string, Books]>([
  ['a node that lost an item', books({}, { completed: 1 })],
  ['a node that received more than its edges gave', books({}, { received: 4, completed: 3 })],
  ['an edge that lost an item', books({ unprocessed: 1 })],
  ['an edge from nowhere', books({ from: 'nobody' })],
  ['a counter that is negative', books({}, { dropped: -1 })],
  ['a counter that is no number', books({ waits: Number.NaN })],
  ['half an item', books({}, { late: 0.5 })],
  ['a time that is negative', books({}, { busyMs: -1 })],
])('%s is found', (_what, unbalanced) => {
  expect(() => expectBalancedBooks(unbalanced)).toThrow()
})

test('a source that received something is found once the inlets are known', () => {
  expect(() => expectBalancedBooks(books({}, {}, { received: 1, completed: 1 }), [])).toThrow()
})
