import { describe, expect, test } from 'vitest'
import { Root, RootLedger } from '../../packages/core/src/roots.js'

/*
 * Who is on its way: a list through the roots themselves.
 */

/** A ledger, and some roots of which one packet each is on its way. */
function rooted(count: number): { ledger: RootLedger; roots: Root[] } {
  const ledger = new RootLedger()
  const roots = Array.from({ length: count }, () => new Root(ledger))
  for (const root of roots) root.enter(1)
  return { ledger, roots }
}

describe('a ledger of roots', () => {
  test.each([
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [1, 2, 0, 3],
    [2, 0, 3, 1],
  ])('knows those that are on their way, in order, whichever leaves first (%i, %i, %i, %i)', (...order) => {
    const { ledger, roots } = rooted(4)
    const left = new Set(roots)
    for (const place of order) {
      const root = roots[place]
      if (root === undefined) continue
      root.leave()
      left.delete(root)
      expect(ledger.living).toEqual([...left])
    }
  })

  test('lists a root once, until the last of its packets has left, and again if another one comes', () => {
    const { ledger, roots } = rooted(2)
    const [first, second] = roots
    first?.enter(1)
    first?.leave()
    expect(ledger.living).toEqual([first, second])
    first?.leave()
    expect(ledger.living).toEqual([second])
    first?.enter(1)
    expect(ledger.living).toEqual([second, first])
  })

  test('gives those that are still on their way a verdict when it is closed, if somebody has accepted them', () => {
    const { ledger, roots } = rooted(3)
    for (const root of roots.slice(1)) root.accepted = true
    expect(ledger.close()).toMatchObject({ aborted: 2, filtered: 0 })
    expect(ledger.living).toEqual([])
  })
})
