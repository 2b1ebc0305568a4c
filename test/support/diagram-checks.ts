import { imbalances } from '@pipelines/core'
import { expect } from 'vitest'
import type { Diagram, DiagramNode } from './diagram.js'
import { computedBy } from './diagram-reference.js'
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
  const computed = computedBy(diagram, chosen)
  // Where somebody takes only some, it is up to the order of events what becomes of the rest.
  const early = diagram.nodes.some(({ takes }) => takes !== undefined)
  return diagram.nodes.flatMap((node) => {
    const { name } = node
    const wanted = computed.get(name)
    const counts = report.nodes[name]
    if (wanted === undefined || counts === undefined) throw new RangeError(`There is no node "${name}".`)
    const given = outputs.get(name) ?? []
    const most = (windowOf.get(name) ?? 0) * wanted.most
    const held = stored.get(name) ?? 0
    return [
      ...(node.to.length === 0 && !isAsComputed(given, wanted.outputs, { diagram, node })
        ? [`${name} gave ${given.join(', ')}, and not ${wanted.outputs.join(', ')}`]
        : []),
      ...COUNTED.filter((key) => !early && counts[key] !== wanted[key]).map(
        (key) => `${name}: ${key} ${counts[key]}, and not ${wanted[key]}`,
      ),
      ...(held > most ? [`${name} held ${held} packets, and not at most ${most}`] : []),
    ]
  })
}

const COUNTED = ['received', 'failed', 'emitted', 'unprocessed'] as const

interface Leaf {
  readonly diagram: Diagram
  readonly node: DiagramNode
}

function isAsComputed(given: readonly string[], wanted: readonly string[], { diagram, node }: Leaf): boolean {
  const { takes = wanted.length } = node
  if (given.length !== Math.min(takes, wanted.length)) return false
  if (diagram.inOrder) return given.every((value, place) => value === wanted[place])
  // No value comes twice.
  const found = new Set(given)
  return found.size === given.length && wanted.filter((value) => found.has(value)).length === given.length
}
