import { OUT } from '@pipelines/core'
import { countsOf, type Diagram, type DiagramNode, itemsOf, outputsOf, textOf } from './diagram.js'

/** What a node must have done. */
export interface Computed {
  readonly received: number
  readonly failed: number
  readonly emitted: number
  readonly unprocessed: 0
  readonly outputs: readonly string[]
  /** Of a join: most packets that one item of its fork brings. */
  readonly most: number
}

type Chosen = (node: string, value: string) => number | undefined

/** A value, and by node the number of the output that it descends from. */
interface Item {
  readonly value: string
  readonly port: string
  readonly lineage: ReadonlyMap<string, number>
}

/** What a join makes of the packets that descend from one output of its fork. */
interface Frame {
  readonly tuples: readonly unknown[]
  readonly packets: number
  readonly failed: boolean
}

/**
 * Computes what a diagram gives, node by node, each over all of its input: without queues, windows, or counting what is
 * on its way.
 *
 * @param chosen how many outputs a call gave where that was for the schedule to pick
 */
export function computedBy(diagram: Diagram, chosen: Chosen): Map<string, Computed> {
  const made = new Map<string, readonly Item[]>()
  const found = new Map<string, Computed>()
  for (const node of diagram.nodes) {
    const sides = node.inputs.map(({ from, port }) => (made.get(from) ?? []).filter((item) => item.port === port))
    const { calls, failed, most } = callsOf(diagram, { node, sides, made })
    const outputs: Item[] = []
    // What a leaf takes is looked at where outputs are compared: it may be behind a node without an order.
    for (const { value, lineage } of node.to.length === 0 ? calls : calls.slice(0, node.takes))
      for (const output of node.inputs.length === 0 ? [value] : outputsOf(node, value, countOf(node, value, chosen)))
        outputs.push({
          value: output,
          port: node.by?.(value) ?? OUT,
          lineage: new Map([...lineage, [node.name, outputs.length]]),
        })
    made.set(node.name, outputs)
    found.set(node.name, {
      received: sides.flat().length,
      failed,
      emitted: outputs.length,
      unprocessed: 0,
      outputs: outputs.map(({ value }) => value),
      most,
    })
  }
  return found
}

function countOf(node: DiagramNode, value: string, chosen: Chosen): number {
  const count = countsOf(node, value)
  return typeof count === 'number' ? count : (chosen(node.name, value) ?? 0)
}

interface Work {
  readonly node: DiagramNode
  readonly sides: readonly (readonly Item[])[]
  readonly made: ReadonlyMap<string, readonly Item[]>
}

interface Calls {
  readonly calls: readonly Omit<Item, 'port'>[]
  readonly failed: number
  readonly most: number
}

function callsOf(diagram: Diagram, { node, sides, made }: Work): Calls {
  if (node.inputs.length === 0)
    return { calls: itemsOf(diagram, node).map((value) => ({ value, lineage: new Map() })), failed: 0, most: 0 }
  if (!node.joins) return { calls: sides.flat(), failed: 0, most: 0 }
  const fork = forkOf(diagram, node)
  const origins = made.get(fork) ?? []
  const frames = origins.map(({ lineage: around }, number) => {
    const parts = sides.map((side) => side.filter(({ lineage }) => lineage.get(fork) === number))
    return { ...frameOf(node, parts), lineage: new Map([...around, [fork, number]]) }
  })
  return {
    calls: frames.flatMap(({ tuples, lineage }) => tuples.map((tuple) => ({ value: textOf(diagram, tuple), lineage }))),
    failed: frames.reduce((sum, { failed, packets }) => sum + (failed ? packets : 0), 0),
    most: Math.max(0, ...frames.map(({ packets }) => packets)),
  }
}

function frameOf({ properties: { missing = 'skip', collect = 'one' } }: DiagramNode, sides: Work['sides']): Frame {
  const parts = sides.map((side) => side.map(({ value }) => value))
  const frame = { packets: parts.flat().length, failed: false, tuples: [] }
  const lacks = parts.some(({ length }) => length === 0)
  if (lacks && missing === 'fail') return { ...frame, failed: true }
  if (frame.packets === 0 || (lacks && missing === 'skip')) return frame
  if (collect === 'all') return { ...frame, tuples: [parts] }
  if (collect === 'one' && parts.some(({ length }) => length > 1)) return { ...frame, failed: true }
  return { ...frame, tuples: productOf(parts) }
}

/** Every combination, the last part varying fastest. */
function productOf(parts: readonly (readonly string[])[]): unknown[][] {
  const ways = parts.map((part) => (part.length === 0 ? [undefined] : part))
  return ways.reduce<unknown[][]>((rows, way) => rows.flatMap((row) => way.map((value) => [...row, value])), [[]])
}

/** The nearest node that is on every way to each input of a join. */
function forkOf({ nodes }: Diagram, join: DiagramNode): string {
  const above = new Map<string, readonly string[]>()
  const common = ({ inputs }: DiagramNode): string[] => {
    const [first = [], ...others] = inputs.map(({ from }) => above.get(from) ?? [])
    return first.filter((name) => others.every((other) => other.includes(name)))
  }
  for (const node of nodes) {
    if (node === join) break
    above.set(node.name, [...common(node), node.name])
  }
  const fork = common(join).at(-1)
  if (fork === undefined) throw new Error(`${join.name} has no fork`)
  return fork
}
