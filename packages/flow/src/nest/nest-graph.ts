import type { Context } from '@pipelines/core'
import { type Blueprint, BlueprintBuilder, type NewNode, type NewProperties } from '../blueprint.js'
import { asRow, clearMeta, inOrder, listOf, nowhere, timedJoin } from './glue.js'
import {
  alikeIn,
  type GroupPart,
  inFlightOf,
  isSameWork,
  type Part,
  type StagesPart,
  startsWide,
  times,
  type WorkPart,
} from './parts.js'
import type { Stage } from './stage.js'
import { stagesCoro } from './stage-coro.js'
import { timed } from './timed.js'

/** What a nest looks like: names of nodes, grouped like its members. */
export type Layout =
  | string
  | readonly Layout[]
  | { readonly parallel: readonly Layout[] }
  | { readonly broadcast: readonly Layout[] }
  | { readonly seq: readonly Layout[] }
  | { readonly zip: readonly Layout[] }

/** A node, and how deep in the groups it is. */
export interface Place {
  readonly node: string
  readonly depth: number
}

export interface NestGraph {
  readonly blueprint: Blueprint
  readonly layout: readonly Layout[]
  readonly places: readonly Place[]
  /** Nodes that items of the nest come from, and those that they leave by. */
  readonly sources: readonly string[]
  readonly sinks: readonly string[]
}

export interface NestGraphOptions {
  /** Capacity of queues where a step does not say. */
  readonly queueSize?: number | undefined
  /** Whether items carry how long they took. */
  readonly timed: boolean
}

/** What has been made of a part. */
interface Made {
  /** Where its items leave. */
  readonly tails: readonly string[]
  readonly layout: Layout
}

/** Makes the graph of a nest. */
export function nestGraph(part: GroupPart, options: NestGraphOptions): NestGraph {
  return new GraphMaker(options).make(part)
}

class GraphMaker {
  readonly #builder = new BlueprintBuilder()
  readonly #options: NestGraphOptions
  readonly #places: Place[] = []
  readonly #sources: string[] = []
  /** Nodes that may put to what is cut in: by what names they do so far. */
  readonly #putters = new Map<string, Set<string>>()
  /** By the part of what is cut in, the node where it is entered. */
  readonly #entrances = new Map<GroupPart, string>()
  /** What is cut in and not made yet. */
  readonly #cutIn: GroupPart[] = []
  /** Nodes whose items go to whoever is free. */
  readonly #shares = new Set<string>()
  #depth = 0

  constructor(options: NestGraphOptions) {
    this.#options = options
  }

  make(part: GroupPart): NestGraph {
    const { tails, layout } = this.#part(part, [])
    const sources = [...this.#sources]
    // What only puts to others would be no end of the nest any more, and what these give is not what the nest gives.
    const sinks = this.#cutIn.length === 0 ? tails : [this.#glue('out', 'std.pass', tails)]
    for (const other of this.#cutIn) {
      const entrance = this.#entrances.get(other) ?? ''
      this.#glue('end', nowhere, this.#part(other, [entrance]).tails)
    }
    const parts = typeof layout === 'string' || !Array.isArray(layout) ? [layout] : layout
    return { blueprint: this.#builder.build(), layout: parts, places: this.#places, sources, sinks }
  }

  #part(part: Part, froms: readonly string[]): Made {
    if (part.kind === 'work') return this.#work(part, froms)
    if (part.kind === 'stages') return this.#stages(part, froms)
    this.#depth++
    const made = this.#group(part, froms)
    this.#depth--
    return made
  }

  #group(part: GroupPart, froms: readonly string[]): Made {
    const { kind, parts } = part
    switch (kind) {
      case 'serial':
        return this.#serial(part, froms)
      case 'parallel':
        return this.#parallel(parts, froms)
      case 'broadcast': {
        const { tails, layouts } = this.#each(parts, froms)
        return { tails, layout: { broadcast: layouts } }
      }
      case 'seq':
        return this.#seq(parts, froms)
      case 'zip':
        return this.#zip(parts, froms)
      default:
        return kind satisfies never
    }
  }

  #serial({ parts, cuts }: GroupPart, froms: readonly string[]): Made {
    const before = new Set(this.#putters.keys())
    let tails = froms
    const layout = parts.map((part) => {
      const made = this.#part(part, tails)
      tails = made.tails
      return made.layout
    })
    const putters = [...this.#putters.keys()].filter((node) => !before.has(node))
    for (const [name, other] of cuts ?? []) this.#cut(putters, name, other)
    return { tails, layout }
  }

  /** Lets nodes put to another nest. Where that is so already by the same name, the inner nest has said it. */
  #cut(putters: readonly string[], name: string, other: GroupPart): void {
    const known = this.#entrances.get(other)
    const entrance = known ?? this.#glue('in', clearMeta, [], { aggregateInputs: false })
    if (known === undefined) {
      this.#entrances.set(other, entrance)
      this.#cutIn.push(other)
    }
    for (const node of putters) {
      const names = this.#putters.get(node)
      if (names?.has(name)) continue
      names?.add(name)
      this.#builder.connect(node, entrance, { port: name })
    }
  }

  #parallel(parts: readonly Part[], froms: readonly string[]): Made {
    const isInShare = this.#isShare(froms)
    if (froms.length > 0 && !isInShare && isSameWork(parts)) {
      const [first] = parts
      const { tails, layout } = this.#work(times(first, parts.length), froms)
      return { tails, layout: { parallel: parts.map(() => layout) } }
    }
    const isShared = isInShare || (froms.length > 0 && parts.length > 1)
    const from = isShared && !isInShare ? [this.#share(parts, froms)] : froms
    const made = parts.map((part) =>
      this.#part(part, isShared && startsWide(part) ? [this.#glue('pass', 'std.pass', from)] : from),
    )
    return { tails: made.flatMap(({ tails }) => tails), layout: { parallel: made.map(({ layout }) => layout) } }
  }

  /** A node whose items go to whoever is free: has asked for the next one, so that no other waits in front of it. */
  #share(parts: readonly Part[], froms: readonly string[]): string {
    const node = this.#glue('share', 'std.pass', froms, { fanOut: 'share', packetsInFlight: inFlightOf(parts) })
    this.#shares.add(node)
    return node
  }

  /** Whether items come from such a node: then several workers are several nodes, each of which asks for itself. */
  #isShare([from]: readonly string[]): boolean {
    return from !== undefined && this.#shares.has(from)
  }

  #each(parts: readonly Part[], froms: readonly string[]): { tails: readonly string[]; layouts: readonly Layout[] } {
    const made = parts.map((part) => this.#part(part, froms))
    return { tails: made.flatMap(({ tails }) => tails), layouts: made.map(({ layout }) => layout) }
  }

  #seq(parts: readonly Part[], froms: readonly string[]): Made {
    if (froms.length === 0) return this.#seqOfSource(parts)
    const [only] = parts
    const alike = parts.length === 1 && only !== undefined ? alikeIn(only) : undefined
    if (alike !== undefined) {
      const { tails, layout } = this.#work(alike, froms)
      return { tails, layout: { seq: [layout] } }
    }
    const fork = this.#one('fork', froms)
    const { tails, layout } = this.#serial({ kind: 'serial', parts }, [fork])
    // The item itself comes there too, so that its place is known whatever becomes of it inside.
    const coro = this.#options.timed ? timedJoin(inOrder) : inOrder
    const join = this.#glue('seq', coro, [fork, ...tails], {
      aggregateInputs: true,
      missing: 'partial',
      collect: 'all',
    })
    return { tails: [join], layout: { seq: Array.isArray(layout) ? layout : [layout] } }
  }

  /** What has no input has no order to be restored: that of its first member's items is. */
  #seqOfSource([first, ...others]: readonly Part[]): Made {
    if (first === undefined) return { tails: [], layout: { seq: [] } }
    const source = this.#part(first, [])
    if (others.length === 0) return { tails: source.tails, layout: { seq: [source.layout] } }
    const { tails, layout } = this.#seq(others, source.tails)
    const inner = typeof layout === 'object' && 'seq' in layout ? layout.seq : [layout]
    return { tails, layout: { seq: [source.layout, ...inner] } }
  }

  #zip(parts: readonly Part[], froms: readonly string[]): Made {
    const from = froms.length > 1 ? [this.#one('fork', froms)] : froms
    const made = parts.map((part) => {
      const { tails, layout } = this.#part(part, from)
      return { tail: this.#one('merge', tails), layout }
    })
    const tails = made.map(({ tail }) => tail)
    const layout = { zip: made.map((one) => one.layout) }
    // What comes from different sources is paired by its place, up to the end of the shortest.
    const properties: NewProperties = froms.length === 0 ? { unequal: 'shortest' } : {}
    const coro = this.#options.timed ? timedJoin(asRow) : 'std.zip'
    const join =
      tails.length === 1
        ? this.#glue('zip', listOf, tails)
        : this.#glue('zip', coro, tails, { aggregateInputs: true, ...properties })
    return { tails: [join], layout }
  }

  /** One node where all of these come together. */
  #one(label: string, froms: readonly string[]): string {
    const [only] = froms
    return froms.length === 1 && only !== undefined ? only : this.#glue(label, 'std.pass', froms)
  }

  #work({ label, coro, name, args, refs, properties }: WorkPart, froms: readonly string[]): Made {
    const isTimed = this.#options.timed && froms.length > 0 && typeof coro === 'function' && canTell(properties)
    const node = this.#add({ label, coro: isTimed ? timed(coro) : coro, name, args, refs, properties }, froms)
    if (typeof coro !== 'string' || refs !== undefined) this.#putters.set(node, new Set())
    return { tails: [node], layout: node }
  }

  #stages(part: StagesPart, froms: readonly string[]): Made {
    const { stages } = part
    if (stages.length === 1 || (froms.length > 0 && !this.#isShare(froms))) {
      const node = this.#stage(part, stages, froms)
      return { tails: [node], layout: stages.length === 1 ? node : { parallel: stages.map(() => node) } }
    }
    const nodes = stages.map((stage) => this.#stage(part, [stage], froms))
    return { tails: nodes, layout: { parallel: nodes } }
  }

  /** A node of which each worker is one of these. */
  #stage({ label, name, properties }: StagesPart, stages: readonly Stage[], froms: readonly string[]): string {
    const stageOf = ({ node, worker }: Context): Stage => {
      const stage = stages[worker.index]
      if (stage === undefined) throw new Error(`There are ${stages.length} stages at "${node}", and no more.`)
      return stage
    }
    const coro = stagesCoro(stageOf, { isSource: froms.length === 0, timed: this.#options.timed })
    const workers = stages.length === 1 ? {} : { workers: stages.length, ordered: false }
    const node = this.#add({ label: wordFor(label), coro, name, properties: { ...properties, ...workers } }, froms)
    this.#putters.set(node, new Set())
    return node
  }

  /** A node that no member asked for. */
  #glue(label: string, coro: NewNode['coro'], froms: readonly string[], properties: NewProperties = {}): string {
    return this.#add({ label, coro, properties }, froms)
  }

  #add(node: NewNode, froms: readonly string[]): string {
    const { queueSize } = this.#options
    const name = this.#builder.add({
      ...node,
      properties: {
        ...(froms.length > 1 && { aggregateInputs: false }),
        ...(queueSize !== undefined && { queueSize }),
        ...node.properties,
      },
    })
    for (const from of froms) this.#builder.connect(from, name)
    if (froms.length === 0 && node.coro !== clearMeta) this.#sources.push(name)
    this.#places.push({ node: name, depth: Math.max(0, this.#depth - 1) })
    return name
  }
}

/** Whether what a call gives belongs to one item, and the call is made in the program itself. */
const canTell = ({ batch, window, stateful, executor = 'inline', emit }: WorkPart['properties']): boolean =>
  executor === 'inline' && batch === undefined && window === undefined && !stateful && emit === undefined

/** A class may have a name that no node can have. */
const wordFor = (name: string): string => (/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(name) ? name : 'stage')
