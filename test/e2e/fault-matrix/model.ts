import type { VerdictCounts } from '@pipelines/core'
import { epitaph, itemsOf, type Member, memberOf, resultsOf, type Value } from './calls.js'
import { isLeaf, isSource, type MatrixGraph, type MatrixNode } from './graphs.js'

/** What becomes of an item at a node. */
export interface Fate {
  /** Calls that are made for it, the first included. */
  readonly attempts: number
  /** Whether the last of them fails too. */
  readonly fails: boolean
}

const WELL: Fate = { attempts: 1, fails: false }

export interface ModelOptions {
  /** How many of its items a source gives. @defaultValue all */
  readonly given?: ReadonlyMap<string, number>
  /** What becomes of an item. @defaultValue nothing fails */
  readonly fate?: (node: MatrixNode, member: Member) => Fate
}

export interface ModelCall {
  readonly node: MatrixNode
  readonly member: Member
  readonly fate: Fate
}

export interface ModelCounts {
  received: number
  completed: number
  failed: number
  dropped: number
  emitted: number
  retried: number
}

export type Verdict = keyof VerdictCounts

/** From the mildest to the worst. */
const SEVERITY: readonly Verdict[] = ['filtered', 'delivered', 'deadLettered', 'aborted', 'errored']

/** The worst that happened to each of some roots. */
export class Verdicts {
  readonly #worst = new Map<string, Verdict>()

  mark(roots: readonly string[], verdict: Verdict): void {
    for (const root of roots) {
      const before = SEVERITY.indexOf(this.#worst.get(root) ?? 'filtered')
      if (SEVERITY.indexOf(verdict) > before) this.#worst.set(root, verdict)
    }
  }

  counts(roots: Iterable<string>): VerdictCounts {
    const counts = { delivered: 0, filtered: 0, errored: 0, aborted: 0, deadLettered: 0 }
    for (const root of roots) counts[this.#worst.get(root) ?? 'filtered']++
    return counts
  }
}

/** A value on its way, and through which output of each node it came. */
interface Packet {
  readonly value: Value
  readonly trail: ReadonlyMap<string, number>
}

/**
 * What a graph gives and counts, computed node by node without queues, workers or time: the reference of the matrix.
 * Every packet knows through which outputs it came, so a join by lineage takes together what came through the same one.
 */
export class Model {
  readonly graph: MatrixGraph
  /** In the order in which they are made where `inOrder` says so. */
  readonly calls: ModelCall[] = []
  /** By leaf. */
  readonly outputs = new Map<string, readonly string[]>()
  readonly counts = new Map<string, ModelCounts>()
  /** Items that leave by port `error`, by node. */
  readonly routed = new Map<string, number>()
  /** What a join by position got of each input, where that is not the same. */
  unequal: { readonly node: string; readonly counts: Readonly<Record<string, number>> } | undefined
  readonly roots: VerdictCounts
  readonly #options: ModelOptions
  readonly #verdicts = new Verdicts()
  readonly #leaving = new Map<string, Packet[]>()
  readonly #graves = new Map<string, Packet[]>()

  constructor(graph: MatrixGraph, options: ModelOptions = {}) {
    this.graph = graph
    this.#options = options
    const entered: string[] = []
    for (const node of graph.nodes) {
      if (isSource(node)) entered.push(...this.#begin(node))
      else this.#work(node)
      if (isLeaf(graph, node))
        this.outputs.set(
          node.name,
          this.#outputsOf(node.name).map(({ value }) => value.text),
        )
    }
    this.roots = this.#verdicts.counts(entered)
  }

  /** Calls that fail for good. */
  get failures(): readonly ModelCall[] {
    return this.calls.filter(({ fate }) => fate.fails)
  }

  /** Whether a node's outputs leave in one order only, that in which they are computed here. */
  isInOrder(name: string): boolean {
    const node = this.graph.nodes.find((other) => other.name === name)
    const { inputs = [], join, properties } = node ?? {}
    if (inputs.length > 1 && join === undefined) return false
    const keeps =
      inputs.length === 0 || properties?.ordered === true || (join === undefined && properties?.workers === 1)
    return keeps && inputs.every((input) => this.isInOrder(input))
  }

  #begin(node: MatrixNode): string[] {
    const items = itemsOf(node).slice(0, this.#options.given?.get(node.name))
    const packets = items.map((value, place) => ({ value, trail: new Map([[node.name, place]]) }))
    this.#leaving.set(node.name, packets)
    const received = node.style === 'inlet' ? items.length : 0
    this.counts.set(node.name, { ...NOTHING, received, completed: received, emitted: items.length })
    const roots = items.flatMap((value) => value.roots)
    if (isLeaf(this.graph, node)) this.#verdicts.mark(roots, 'delivered')
    return roots
  }

  #work(node: MatrixNode): void {
    const arrived = node.inputs.map((input) =>
      node.work === 'bury' ? (this.#graves.get(input) ?? []) : this.#outputsOf(input),
    )
    const counts = { ...NOTHING }
    this.counts.set(node.name, counts)
    this.#leaving.set(node.name, [])
    for (const slots of this.#callsOf(node, arrived)) {
      const parts = slots.flat()
      counts.received += parts.length
      const partial = node.properties.missing === 'partial' && parts.length > 0
      if (partial || slots.every((slot) => slot.length > 0)) this.#call(node, slots, counts)
      else {
        counts.completed += parts.length
        if (parts.length > 0 && !isLeaf(this.graph, node)) counts.dropped++
      }
    }
  }

  #call(node: MatrixNode, slots: readonly (readonly Packet[])[], counts: ModelCounts): void {
    const parts = slots.flat()
    const values = slots.map((slot) => slot.map(({ value }) => value))
    const member = node.work === 'bury' ? asIs(values.flat()) : memberOf(node, values)
    const fate = this.#options.fate?.(node, member) ?? WELL
    this.calls.push({ node, member, fate })
    counts.retried += fate.attempts - 1
    const leaf = isLeaf(this.graph, node)
    if (fate.fails) this.#fail(node, member, parts, counts)
    else {
      counts.completed += parts.length
      if (leaf) this.#verdicts.mark(member.roots, node.work === 'bury' ? 'deadLettered' : 'delivered')
      const results = resultsOf(node, member)
      if (results.length === 0 && !leaf) counts.dropped++
      for (const value of results) {
        this.#outputsOf(node.name).push({
          value,
          trail: commonTrail(parts, node.name, this.#outputsOf(node.name).length),
        })
        counts.emitted++
      }
    }
  }

  #fail(node: MatrixNode, member: Member, parts: readonly Packet[], counts: ModelCounts): void {
    counts.failed += parts.length
    if (node.properties.onError !== 'route') {
      this.#verdicts.mark(member.roots, 'errored')
      return
    }
    const graves = this.#graves.get(node.name) ?? []
    graves.push({ value: epitaph(node, member), trail: commonTrail(parts, node.name, -1 - graves.length) })
    this.#graves.set(node.name, graves)
    this.routed.set(node.name, graves.length)
    counts.emitted++
  }

  /** What comes together at a node: for each call, a list for each input. */
  #callsOf(node: MatrixNode, arrived: readonly (readonly Packet[])[]): (readonly Packet[])[][] {
    const { join, name, inputs } = node
    const most = node.work === 'take' ? node.items : undefined
    if (join === undefined)
      return arrived
        .flat()
        .slice(0, most)
        .map((packet) => [[packet]])
    if (join !== 'position')
      return this.#outputsOf(join.fork).map((_, output) =>
        arrived.map((packets) => packets.filter(({ trail }) => trail.get(join.fork) === output)),
      )
    const lengths = arrived.map(({ length }) => length)
    const pairs = Math.min(...lengths)
    if (Math.max(...lengths) > pairs)
      this.unequal = {
        node: name,
        counts: Object.fromEntries(inputs.map((input, place) => [input, lengths[place] ?? 0])),
      }
    return Array.from({ length: pairs }, (_, place) => arrived.map((packets) => packets.slice(place, place + 1)))
  }

  #outputsOf(name: string): Packet[] {
    return this.#leaving.get(name) ?? []
  }
}

const NOTHING: ModelCounts = { received: 0, completed: 0, failed: 0, dropped: 0, emitted: 0, retried: 0 }

/** Through which outputs all parts came, and now this one. */
function commonTrail([first, ...others]: readonly Packet[], name: string, output: number): Map<string, number> {
  const trail = new Map(
    [...(first?.trail ?? [])].filter(([node, place]) => others.every((other) => other.trail.get(node) === place)),
  )
  return trail.set(name, output)
}

/** An epitaph is a text already. */
function asIs(parts: readonly Value[]): Member {
  return { parts, text: parts.map(({ text }) => text).join(), roots: parts.flatMap(({ roots }) => roots) }
}
