import { expect } from 'vitest'

/** What the books need of one node. Every counter is a count of packets, `busyMs` a time. */
export interface NodeBooks {
  readonly received: number
  readonly completed: number
  readonly failed: number
  readonly unprocessed: number
  readonly emitted: number
  readonly dropped: number
  readonly retried: number
  readonly late: number
  readonly busyMs: number
}

/** What the books need of one edge. */
export interface EdgeBooks {
  readonly from: string
  readonly port: string
  readonly to: string
  readonly entered: number
  readonly left: number
  readonly unprocessed: number
  readonly waits: number
}

/** The part of a run's report that has to balance. */
export interface Books {
  readonly nodes: Readonly<Record<string, NodeBooks>>
  readonly edges: readonly EdgeBooks[]
}

/**
 * Asserts rule S1: for every node `received = completed + failed + unprocessed`, and `received` is the sum of what left
 * its input edges; for every edge `entered = left + unprocessed`; every counter is a whole number that is not negative.
 *
 * A node without input edges received nothing, unless it is an inlet. A report does not say which nodes are inlets:
 * with `inlets` given every other source is held to 0, without it a source may have received anything.
 */
export function expectBalancedBooks(report: Books, inlets?: readonly string[]): void {
  const taken = expectBalancedEdges(report)
  for (const [name, node] of Object.entries(report.nodes)) {
    const at = `node "${name}"`
    const { busyMs, received, completed, failed, unprocessed, emitted, dropped, retried, late } = node
    expectCounts(at, { received, completed, failed, unprocessed, emitted, dropped, retried, late })
    expect(busyMs, `${at}: busyMs`).toBeGreaterThanOrEqual(0)
    expect(received, `${at}: received = completed + failed + unprocessed`).toBe(completed + failed + unprocessed)
    const left = taken.get(name)
    if (left !== undefined) expect(received, `${at}: received = what left its input edges`).toBe(left)
    else if (inlets && !inlets.includes(name)) expect(received, `${at}: a source receives nothing`).toBe(0)
  }
}

/** Checks the edges, and gives what left towards each node that has any. */
function expectBalancedEdges(report: Books): Map<string, number> {
  const taken = new Map<string, number>()
  for (const { from, port, to, entered, left, unprocessed, waits } of report.edges) {
    const at = `edge "${from}" (${port}) to "${to}"`
    expect(Object.hasOwn(report.nodes, from) && Object.hasOwn(report.nodes, to), `${at}: both ends are nodes`).toBe(
      true,
    )
    expectCounts(at, { entered, left, unprocessed, waits })
    expect(entered, `${at}: entered = left + unprocessed`).toBe(left + unprocessed)
    taken.set(to, (taken.get(to) ?? 0) + left)
  }
  return taken
}

function expectCounts(at: string, counts: Readonly<Record<string, number>>): void {
  for (const [counter, count] of Object.entries(counts)) {
    expect(Number.isInteger(count) && count >= 0, `${at}: ${counter} is a count, not ${String(count)}`).toBe(true)
  }
}
