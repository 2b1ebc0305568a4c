import type { RunReport } from './report.js'
import { quote } from './text.js'

/**
 * What does not balance in a report; an empty list for every run, whatever ended it. For every node
 * `received = completed + failed + unprocessed`, and `received` is the sum of `left` of its input edges; for every edge
 * `entered = left + unprocessed`.
 */
export function imbalances({ nodes, edges }: Pick<RunReport, 'nodes' | 'edges'>): string[] {
  const wrong: string[] = []
  const taken = new Map<string, number>()
  for (const { from, port, to, entered, left, unprocessed } of edges) {
    taken.set(to, (taken.get(to) ?? 0) + left)
    if (entered !== left + unprocessed)
      wrong.push(
        `Edge ${quote(from)} (${port}) → ${quote(to)}: entered ${entered} ≠ left ${left} + unprocessed ${unprocessed}`,
      )
  }
  for (const [name, { received, completed, failed, unprocessed }] of Object.entries(nodes)) {
    const left = taken.get(name) ?? received
    if (received !== left) wrong.push(`Node ${quote(name)}: received ${received} ≠ ${left} that left its input edges`)
    if (received !== completed + failed + unprocessed)
      wrong.push(
        `Node ${quote(name)}: received ${received} ≠ completed ${completed} + failed ${failed} + unprocessed ${unprocessed}`,
      )
  }
  return wrong
}
