import type { RegionGraph } from '@pipelines/core'
import { FRAMES } from '../../packages/core/src/defaults.js'

/**
 * What the engine does fast, done slowly and in another way: dominators by taking nodes out, connections by walking,
 * joins by dictionaries. The tests compare the two.
 */

/** What the analysis of a graph should say, in a form that compares well. */
export interface ExpectedRegions {
  readonly forkOf: ReadonlyMap<number, number>
  readonly joinsOf: ReadonlyMap<number, readonly number[]>
  /** By fork: how many frames it may have open. */
  readonly windows: ReadonlyMap<number, number>
  readonly positional: readonly number[]
  readonly uneven: readonly number[]
  /** By node: forks whose frames a packet in front of it carries, from the innermost outwards. */
  readonly chains: readonly (readonly number[])[]
  readonly holds: readonly (readonly string[])[]
  readonly edges: readonly { readonly up: number; readonly tokens: readonly string[] }[]
  readonly port: (
    node: number,
    port: string,
  ) => { readonly opens: boolean; readonly adds: readonly string[]; readonly first: readonly number[] }
}

/** A token as text: frames outwards, share, copies. */
export const tokenText = (token: { hops: number; share: number; copies: number }): string =>
  `${token.hops}/${token.share}×${token.copies}`

export function expectedRegions(graph: RegionGraph): ExpectedRegions {
  const { nodes, edges } = graph
  const all = nodes.map((_, node) => node)
  const into = (node: number): number[] => edges.flatMap((edge, number) => (edge.to === node ? [number] : []))
  const outOf = (node: number): number[] => edges.flatMap((edge, number) => (edge.from === node ? [number] : []))
  const edge = (number: number) => edges[number] ?? { from: -1, to: -1, port: '' }
  const walk = (starts: readonly number[], next: (node: number) => readonly number[], without = -1): Set<number> => {
    const seen = new Set(starts.filter((node) => node !== without))
    for (const node of seen) for (const other of next(node)) if (other !== without) seen.add(other)
    return seen
  }
  const after = (node: number): number[] => outOf(node).map((number) => edge(number).to)
  const before = (node: number): number[] => into(node).map((number) => edge(number).from)
  const sources = all.filter((node) => into(node).length === 0)
  const behindOf = all.map((node) => walk(after(node), after))
  const reachedWithout = all.map((node) => walk(sources, after, node))
  const dominates = (a: number, b: number): boolean => a === b || !reachedWithout[a]?.has(b)
  const above = all.map((node) =>
    all.filter((other) => other !== node && dominates(other, node)).sort((a, b) => (dominates(a, b) ? 1 : -1)),
  )

  const forkOf = new Map<number, number>()
  const positional: number[] = []
  const uneven: number[] = []
  for (const join of all.filter((node) => nodes[node]?.joins && into(node).length > 1)) {
    const fork = above[join]?.[0]
    const near = (node: number): number[] => [...after(node), ...before(node)]
    const sides = before(join)
    const apart = sides.every((side, place) => {
      const connected = walk([side], near, join)
      return sides.every((other, otherPlace) => otherPlace === place || !connected.has(other))
    })
    if (fork !== undefined) forkOf.set(join, fork)
    else if (apart) positional.push(join)
    else uneven.push(join)
  }
  const joinsOf = new Map<number, number[]>()
  for (const [join, fork] of forkOf) joinsOf.set(fork, [...(joinsOf.get(fork) ?? []), join])
  const open = all.map((node) =>
    (above[node] ?? []).filter(
      (fork) => forkOf.get(node) === fork || (joinsOf.get(fork) ?? []).some((join) => behindOf[node]?.has(join)),
    ),
  )
  const chainOf = (node: number): number[] => {
    const nearest = open[node]?.[0]
    return nearest === undefined ? [] : [nearest, ...chainOf(nearest)]
  }
  const chains = all.map(chainOf)

  const windows = new Map(
    [...joinsOf.keys()].map((fork) => {
      const inside = all.filter((node) => chains[node]?.includes(fork))
      const workers = inside.reduce((sum, node) => sum + (nodes[node]?.workers ?? 0), 0)
      return [fork, Math.max(FRAMES, 2 * workers)]
    }),
  )

  /** Joins at which an item inside the node holds a token. */
  const behind = new Map<number, Set<number>>()
  const onEdge = (number: number): Set<number> => {
    const { to } = edge(number)
    return forkOf.has(to) ? new Set([to]) : (behind.get(to) ?? new Set())
  }
  for (const node of all.toReversed()) {
    const counted = [
      ...outOf(node).flatMap((number) => [...onEdge(number)]),
      ...(joinsOf.get(node) ?? []).flatMap((join) => [...(behind.get(join) ?? [])]),
    ]
    behind.set(node, new Set(counted.filter((join) => open[node]?.includes(forkOf.get(join) ?? -1))))
  }
  const text = (join: number, node: number, copies: number): string => {
    const fork = forkOf.get(join) ?? -1
    const hops = (chains[node] ?? []).indexOf(fork)
    return tokenText({ hops, share: (joinsOf.get(fork) ?? []).indexOf(join), copies })
  }
  const texts = (joins: Iterable<number>, node: number): string[] =>
    [...joins].map((join) => text(join, node, 1)).toSorted()
  const port = (node: number, name: string) => {
    const list = outOf(node).filter((number) => edge(number).port === name)
    const own = joinsOf.get(node) ?? []
    const opens = own.some((join) =>
      list.some((number) => edge(number).to === join || behindOf[edge(number).to]?.has(join)),
    )
    const copies = (join: number): number =>
      list.filter((number) => onEdge(number).has(join)).length +
      (opens ? own.filter((nearer) => behind.get(nearer)?.has(join)).length : 0)
    const adds = [...(behind.get(node) ?? [])].filter((join) => copies(join) > 0)
    return {
      opens,
      adds: adds.map((join) => text(join, node, copies(join))).toSorted(),
      first: opens ? own.map(copies) : [],
    }
  }
  const shed = (number: number): number => {
    const { from, to } = edge(number)
    const start = [...(port(from, edge(number).port).opens ? [from] : []), ...(chains[from] ?? [])]
    const target = chains[to] ?? []
    if (target.length === 0) return -1
    const up = start.indexOf(target[0] ?? -1)
    if (up < 0 || start.slice(up).join() !== target.join()) throw new Error('the frames of an edge are no tail')
    return up
  }
  return {
    forkOf,
    joinsOf,
    windows,
    positional,
    uneven,
    chains,
    holds: all.map((node) => texts(behind.get(node) ?? [], node)),
    edges: edges.map((one, number) => ({ up: shed(number), tokens: texts(onEdge(number), one.to) })),
    port,
  }
}

/** A node of the model: what it makes of a value. */
export interface ModelNode {
  readonly joins: boolean
  /** Values of a source. */
  readonly items?: readonly number[]
  /** Outputs for one value, or for one tuple. */
  readonly call: (value: number | readonly number[]) => readonly number[]
}

interface Item {
  readonly value: number
  /** By fork: number of its output that this descends from. */
  readonly lineage: ReadonlyMap<number, number>
}

/**
 * What every node puts out, by the norm alone: a join pairs what descends from the same output of its fork. A frame into
 * which an input gave nothing gives nothing, and so does one into which an input gave more than one.
 *
 * @returns outputs by node, or `undefined` where there are too many to be worth the time
 */
export function expectedOutputs(
  graph: RegionGraph,
  nodes: readonly ModelNode[],
  limit = 3000,
): readonly (readonly number[])[] | undefined {
  const { forkOf, port } = expectedRegions(graph)
  const made: Item[][] = []
  for (const [number, node] of nodes.entries()) {
    const sides = graph.edges.filter(({ to }) => to === number).map(({ from }) => made[from] ?? [])
    const fork = forkOf.get(number)
    const calls: { value: number | readonly number[]; lineage: ReadonlyMap<number, number> }[] =
      fork === undefined ? sides.flat() : tuplesOf(sides, fork)
    const opens = port(number, 'out').opens
    const outputs: Item[] = []
    for (const value of node.items ?? []) calls.push({ value, lineage: new Map() })
    for (const { value, lineage } of calls)
      for (const output of node.items === undefined ? node.call(value) : [value as number])
        outputs.push({ value: output, lineage: opens ? new Map([...lineage, [number, outputs.length]]) : lineage })
    if (outputs.length > limit) return undefined
    made.push(outputs)
  }
  return made.map((outputs) => outputs.map(({ value }) => value))
}

function tuplesOf(sides: readonly (readonly Item[])[], fork: number) {
  const frames = new Set(sides.flat().map(({ lineage }) => lineage.get(fork) ?? -1))
  const numbers = [...frames].toSorted((a, b) => a - b)
  return numbers.flatMap((frame) => {
    const parts = sides.map((side) => side.filter(({ lineage }) => lineage.get(fork) === frame))
    if (parts.some((part) => part.length !== 1)) return []
    const whole = parts.flat()
    return [{ value: whole.map(({ value }) => value), lineage: whole[0]?.lineage ?? new Map<number, number>() }]
  })
}

/** A graph in the notation `S>F; F>A,J; A>J`: names that start with J are joins. */
export function parseGraph(text: string): { readonly graph: RegionGraph; readonly names: readonly string[] } {
  const pairs = text.split(';').flatMap((part) => {
    const [from = '', to = ''] = part.trim().split('>')
    return to.split(',').map((name) => [from.trim(), name.trim()] as const)
  })
  const names = [...new Set(pairs.flat())]
  const order: string[] = []
  while (order.length < names.length)
    for (const name of names)
      if (!order.includes(name) && pairs.every(([from, to]) => to !== name || order.includes(from))) order.push(name)
  const edges = pairs.map(([from, to]) => ({ from: order.indexOf(from), to: order.indexOf(to), port: 'out' }))
  const nodes = order.map((name) => ({ joins: name.startsWith('J'), workers: 1 }))
  return { graph: { nodes, edges, order: order.map((_, number) => number) }, names: order }
}

/** Shapes that broke earlier designs of the join, and those that nest, overlap, share a fork or are left early. */
export const SHAPES: Readonly<Record<string, string>> = {
  'a diamond': 'S>F; F>J,A; A>J',
  'a diamond of two branches': 'S>A,B; A>J; B>J',
  'two regions that overlap': 'S>F; F>G,J1; G>X,J2; X>J1,J2',
  'two joins that share a fork': 'S>F; F>A,J1,J2; A>J1; J1>J2',
  'a branch that is left early': 'S>F; F>A,J; A>J,E',
  'a region inside a region': 'S>J,F; F>J2,A; A>J2; J2>J',
  'a region with a node in front of its join': 'S>F; F>J,A; A>K; K>J',
  'an inner region beside a direct edge': 'S>F,J; F>J2,K; K>J2; J2>J',
  'a join parked at a join of the same fork': 'S>F; F>J1,A,J2; A>J1; J1>J2',
  'two regions one after the other': 'S>A,B; A>J1; B>J1; J1>C,D; C>J2; D>J2',
  'regions three deep': 'S>A,J1; A>B,J2; B>C,D; C>J3; D>J3; J3>J2; J2>J1',
  'three inputs with a merge between': 'S>A,B,C; A>M; B>M; M>J; C>J',
}
