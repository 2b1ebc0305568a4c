import { imbalances } from '@pipelines/core'
import { expect } from 'vitest'
import { type Diagram, isInOrder } from './diagram.js'
import { computed } from './diagram-reference.js'
import type { Played } from './diagram-run.js'

/**
 * Asserts that a run has completed and did what the reference computes, that its books balance, and that no more frames
 * were open, and no more packets stored, than allowed.
 */
export function expectAsComputed(diagram: Diagram, played: Played): void {
  // One `expect`, because there are many thousands of runs.
  const complaints = [...endOf(played), ...differences(diagram, played)]
  expect(complaints.length, complaints.join('; ')).toBe(0)
}

/** What is wrong with a run, whatever it has done. */
function endOf({ report, windows }: Played): string[] {
  const { outcome, error } = report
  return [
    ...(outcome === 'completed' ? [] : [`the run has ${outcome}: ${error?.message}`]),
    ...imbalances(report),
    ...windows.filter(({ open }) => open > 0).map(({ open }) => `${open} frames are still open`),
    ...windows.filter(({ peak, size }) => peak > size).map(({ peak, size }) => `${peak} of ${size} frames were open`),
  ]
}

/** What differs from the reference. */
function differences(diagram: Diagram, { outputs, report, chosen, stored, windowOf }: Played): string[] {
  const found: string[] = []
  const compare = (what: string, is: unknown, wanted: unknown): void => {
    if (String(is) !== String(wanted)) found.push(`${what}: ${is}, and not ${wanted}`)
  }
  // Where somebody takes only some, it is up to the order of events what becomes of the rest.
  const early = diagram.nodes.some(({ takes }) => takes !== undefined)
  const expected = computed(diagram, chosen)
  for (const node of diagram.nodes) {
    const { name, to } = node
    const wanted = expected.get(name)
    const counts = report.nodes[name]
    if (wanted === undefined || counts === undefined) throw new RangeError(`There is no node "${name}".`)
    const given = outputs.get(name) ?? []
    if (to.length === 0) compare(`outputs of ${name}`, given.join(), expectedOf(diagram, node, { given, ...wanted }).join())
    if (!early)
      for (const key of ['received', 'failed', 'emitted', 'unprocessed'] as const)
        compare(`${name}: ${key}`, counts[key], wanted[key])
    const most = (windowOf.get(name) ?? 0) * wanted.most
    const held = stored.get(name) ?? 0
    if (held > most) found.push(`${name} held ${held} packets, and not at most ${most}`)
  }
  return found
}
