import { type Random, randomOf } from '@pipelines/testkit'
import { describe, expect, test } from 'vitest'
import type { Wiring } from '../../../packages/plumber/src/graph/check.js'
import { Gates } from '../../../packages/plumber/src/graph/gates.js'

interface Wire {
  readonly from: number
  readonly to: number
  readonly port: string
}

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

/** Nodes are numbered in topological order. */
function wiringOf(size: number, wires: readonly Wire[]): Wiring {
  const edgesAt = (node: number, end: 'from' | 'to'): number[] =>
    wires.flatMap((wire, number) => (wire[end] === node ? [number] : []))
  return {
    names: range(size).map((node) => `n${node}`),
    edges: wires.map(({ from, to, port }) => {
      return { from: `n${from}`, to: `n${to}`, port, source: from, target: to, queueSize: undefined, pointer: '' }
    }),
    inputs: range(size).map((node) => edgesAt(node, 'to')),
    outputs: range(size).map((node) => edgesAt(node, 'from')),
    order: range(size),
    cycles: [],
    suspects: new Set(),
  }
}

/** Whether an edge carries something when this port of this node gives nothing. */
function isReached(
  wires: readonly Wire[],
  edge: Wire,
  shut: { readonly node: number; readonly port: string },
): boolean {
  const open = wires.filter(({ from, port }) => from !== shut.node || port !== shut.port)
  const sources = wires.map(({ from }) => from).filter((node) => wires.every(({ to }) => to !== node))
  const seen = new Set(sources)
  for (const node of seen) for (const { from, to } of open) if (from === node) seen.add(to)
  return open.includes(edge) && seen.has(edge.from)
}

/** Whether two inputs of a node always come by different ports of one node: tried out, port by port. */
function clashes(wires: readonly Wire[], join: number): Set<string> {
  const inputs = wires.filter(({ to }) => to === join)
  const found = new Set<string>()
  for (const node of new Set(wires.map(({ from }) => from))) {
    const ports = [...new Set(wires.filter(({ from }) => from === node).map(({ port }) => port))]
    const needed = ports.filter((port) => inputs.some((edge) => !isReached(wires, edge, { node, port })))
    for (const [place, port] of needed.entries())
      for (const other of needed.slice(place + 1)) found.add(`n${node}: ${port}, ${other}`)
  }
  return found
}

function randomWires(random: Random, size: number): Wire[] {
  const wires = range(random.integer(size, 2 * size)).flatMap((): Wire[] => {
    const [a, b] = [random.integer(0, size - 1), random.integer(0, size - 1)]
    if (a === b) return []
    return [{ from: Math.min(a, b), to: Math.max(a, b), port: random.pick(['out', 'out', 'a', 'b']) }]
  })
  return wires.filter(
    (wire, place) => wires.findIndex((other) => JSON.stringify(other) === JSON.stringify(wire)) === place,
  )
}

describe('a join behind a switch', () => {
  test('is found exactly where two inputs come by different ports of one node', () => {
    const counts = { clash: 0, none: 0 }
    for (const seed of range(1_500)) {
      const random = randomOf(seed)
      const size = random.integer(3, 10)
      const wires = randomWires(random, size)
      const gates = new Gates(wiringOf(size, wires))
      for (const join of range(size)) {
        const clash = gates.clash(join)
        const expected = clashes(wires, join)
        if (clash === undefined) expect([...expected], `node ${join} of seed ${seed}`).toEqual([])
        else expect([...expected], `node ${join} of seed ${seed}`).toContain(`${clash.node}: ${clash.ports.join(', ')}`)
        counts[clash === undefined ? 'none' : 'clash']++
      }
    }
    expect(Math.min(counts.clash, counts.none)).toBeGreaterThan(1_000)
  })

  test('names the ports in the order of the graph', () => {
    const switched = [
      { from: 0, to: 1, port: 'yes' },
      { from: 0, to: 2, port: 'no' },
      { from: 2, to: 3, port: 'out' },
      { from: 1, to: 3, port: 'out' },
    ]
    expect(new Gates(wiringOf(4, switched)).clash(3)).toEqual({ node: 'n0', ports: ['yes', 'no'] })
  })

  test('costs little where 3,000 joins are behind 3,000 switches', () => {
    const switches = 3_000
    const chain = range(switches).flatMap((n): Wire[] => [
      { from: n, to: n + 1, port: 'out' },
      { from: n, to: 2 * switches + 1, port: 'other' },
    ])
    const joins = range(switches).flatMap((n): Wire[] => [
      { from: 0, to: switches + 1 + n, port: 'out' },
      { from: switches, to: switches + 1 + n, port: 'out' },
    ])
    const size = 2 * switches + 2
    const wires = [...chain, ...joins]
    const ends = { inputs: range(size).map((): number[] => []), outputs: range(size).map((): number[] => []) }
    wires.forEach(({ from, to }, number) => {
      ends.inputs[to]?.push(number)
      ends.outputs[from]?.push(number)
    })
    const wiring = { ...wiringOf(size, []), edges: wiringOf(0, wires).edges, ...ends }
    const started = process.cpuUsage()
    const gates = new Gates(wiring)
    // The last node merges all the other ports.
    expect(range(size).filter((node) => gates.clash(node) !== undefined)).toEqual([size - 1])
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(2_000)
  })
})
