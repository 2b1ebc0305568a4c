import { type NodeProperties, OUT } from '@pipelines/core'

/** What a node of a diagram does, where it differs from giving one output for each input. */
export interface Part {
  /** Outputs for a value. A list: as many as the schedule picks from it. @defaultValue 1 */
  readonly gives?: number | readonly number[] | ((value: string) => number)
  /** Several outputs wait for the schedule one by one, and not only the first of them. */
  readonly slowly?: true
  /** The port by which the outputs for a value leave. @defaultValue `out` */
  readonly by?: (value: string) => string
  /** Takes so many inputs, and then returns. */
  readonly takes?: number
  /** Each call waits until so many have come. */
  readonly meets?: number
  /** Items of a source, where they are not as many as those of the others. */
  readonly items?: number
  readonly properties?: Partial<NodeProperties>
}

/** A node of a diagram: sources are those without inputs, leaves those without successors. */
export interface DiagramNode extends Part {
  readonly name: string
  readonly inputs: readonly { readonly from: string; readonly port: string }[]
  readonly to: readonly { readonly to: string; readonly port: string }[]
  readonly joins: boolean
  readonly properties: Partial<NodeProperties>
}

/** Nodes in topological order: that of tuples, too. */
export interface Diagram {
  readonly nodes: readonly DiagramNode[]
  readonly items: number
  /** Whether the outputs of every node leave in one order only. */
  readonly inOrder: boolean
}

export interface DiagramOptions {
  /** Items of each source. */
  readonly items: number
  /** By node. */
  readonly parts?: Readonly<Record<string, Part>>
  /** Properties of all nodes, unless their own say otherwise. */
  readonly properties?: Partial<NodeProperties>
  /** Properties of all joins, likewise. */
  readonly ofJoins?: Partial<NodeProperties>
}

/**
 * Reads a graph in the notation `S>F; F>A,J; A>J`. Nodes whose names start with J join their inputs, others merge them;
 * `F:left>A` is an edge by port `left`. In names of sources there are no digits.
 */
export function diagramOf(text: string, { items, parts = {}, properties, ofJoins }: DiagramOptions): Diagram {
  const edges = text.split(';').flatMap((part) => {
    const [from = '', to = ''] = part.trim().split('>')
    const [node = '', port = OUT] = from.split(':')
    return to.split(',').map((name) => ({ from: node, to: name.trim(), port }))
  })
  const names = orderOf(edges)
  const nodes = names.map((name): DiagramNode => {
    const joins = name.startsWith('J')
    const part = parts[name] ?? {}
    return {
      ...part,
      name,
      joins,
      inputs: names.flatMap((from) => edges.filter((edge) => edge.from === from && edge.to === name)),
      to: edges.filter(({ from }) => from === name),
      properties: { aggregateInputs: joins, ...properties, ...(joins && ofJoins), ...part.properties },
    }
  })
  const unknown = Object.keys(parts).filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new Error(`There is no node ${unknown.join(', ')} in ${text}`)
  return { nodes, items, inOrder: nodes.every(isInOrder) }
}

/** Values of a source. */
export function itemsOf({ items }: Diagram, source: DiagramNode): string[] {
  return Array.from({ length: source.items ?? items }, (_, place) => `${source.name}${place}`)
}

/** The number of the item that a value descends from: of a tuple, the first. */
export const itemOf = (value: string): number => Number(/\d+/.exec(value)?.[0])

/** How many outputs a node gives for a value; a list where that is for the schedule to pick. */
export const countsOf = ({ gives = 1 }: Part, value: string): number | readonly number[] =>
  typeof gives === 'function' ? gives(value) : gives

/** The outputs of a call. */
export function outputsOf({ name }: DiagramNode, value: string, count: number): string[] {
  return count === 1 ? [`${value}/${name}`] : Array.from({ length: count }, (_, place) => `${value}/${name}.${place}`)
}

/** The input of a call as one text: of a tuple, all its parts in order; of a list, too, where there is one order. */
export function textOf(diagram: Diagram, input: unknown): string {
  if (typeof input === 'string') return input
  if (!Array.isArray(input)) return '-'
  const listed = (list: readonly unknown[]): string => `[${(diagram.inOrder ? list : list.toSorted()).join(' ')}]`
  return `(${input.map((part) => (Array.isArray(part) ? listed(part) : textOf(diagram, part))).join(' ')})`
}

function isInOrder({ joins, inputs, properties: { ordered = true, workers = 1 } }: DiagramNode): boolean {
  return joins ? ordered : inputs.length < 2 && (ordered || workers === 1)
}

function orderOf(edges: readonly { readonly from: string; readonly to: string }[]): string[] {
  const names = [...new Set(edges.flatMap(({ from, to }) => [from, to]))]
  const order: string[] = []
  while (order.length < names.length) {
    const next = names.filter(
      (name) => !order.includes(name) && edges.every(({ from, to }) => to !== name || order.includes(from)),
    )
    if (next.length === 0) throw new Error('There is a cycle.')
    order.push(...next)
  }
  return order
}
