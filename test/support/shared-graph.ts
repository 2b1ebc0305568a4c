import { type Context, defineCoro } from '@pipelines/core'
import type { NodeDocument, Successor } from '@pipelines/plumber'
import { type Random, randomOf, type Scheduler } from '@pipelines/testkit'
import { range } from './blackbox.js'

/*
 * Random graphs with nodes that share their outputs. Who takes an item is up to the order of events, so what becomes of
 * it must not depend on that: of each item every way makes the same.
 */

/** What the ways make of an item: nothing, the item, the item and another one. */
export const madeOf = (n: number): number[] => (n % 5 === 0 ? [] : n % 7 === 3 ? [n, n + 0.5] : [n])

/** Whether the ways fail with an item, where they fail at all. */
export const isBad = (n: number): boolean => n % 11 === 7

/** How the ways end: each at a leaf, in a node that merges them, or in one that puts them back in order. */
export type Ending = 'leaves' | 'merge' | 'seq'

export interface SharedGraph {
  readonly seed: number
  readonly items: number
  readonly ending: Ending
  /** Whether a join around all of it waits for what becomes of each item. */
  readonly wrapped: boolean
  /** Whether neighbours may call each other on the spot. */
  readonly fuse: boolean
  readonly fails: boolean
  /** Outputs of each way after which it wants no more. */
  readonly takes: number | undefined
  /** Names of the nodes that share their outputs. */
  readonly sharing: readonly string[]
  readonly document: { readonly nodes: Record<string, NodeDocument>; readonly graph: Record<string, Successor[]> }
  /** How many frames a fork may have open; 0: as many as usual. */
  readonly window: number
}

export interface SharedShape {
  /** Some items fail, and are skipped; otherwise none. */
  readonly fails?: boolean
  /** Each way wants no more after some; otherwise they take all. */
  readonly takes?: boolean
  /** Whether items are put in from outside. */
  readonly inlet?: boolean
}

const STYLES = ['plain', 'late', 'late', 'generator', 'stream', 'batch'] as const

/** A graph that depends on the seed alone; its calls go on when the scheduler says so. */
export function sharedGraph(seed: number, scheduler: Scheduler, shape: SharedShape = {}): SharedGraph {
  return new Drawing(seed, scheduler, shape).draw()
}

class Drawing {
  readonly #seed: number
  readonly #random: Random
  readonly #scheduler: Scheduler
  readonly #shape: SharedShape
  readonly #nodes: Record<string, NodeDocument> = {}
  readonly #graph: Record<string, Successor[]> = {}
  readonly #sharing: string[] = []

  constructor(seed: number, scheduler: Scheduler, shape: SharedShape) {
    this.#seed = seed
    this.#random = randomOf(seed)
    this.#scheduler = scheduler
    this.#shape = shape
  }

  draw(): SharedGraph {
    const random = this.#random
    const items = random.integer(0, 30)
    const wrapped = random.chance(0.3)
    const ending: Ending = wrapped ? random.pick(['merge', 'seq']) : random.pick(['leaves', 'merge', 'seq', 'seq'])
    const takes = this.#shape.takes ? random.integer(0, 4) : undefined
    this.#nodes['src'] = this.#shape.inlet ? { coro: 'std.inlet' } : { coro: () => range(items) }
    const share = this.#share('s', { depth: 0, takes })
    this.#graph['src'] = [share.name]
    if (ending === 'merge') this.#merge('out', share.ends)
    if (ending === 'seq') this.#seq('out', share.ends)
    if (wrapped) {
      this.#graph['src'].push('side')
      this.#stage('side', (n) => [n])
      this.#graph['out'] = ['whole']
      this.#graph['side'] = ['whole']
      this.#nodes['whole'] = { coro: wholeOf, properties: PARTIAL }
    }
    return {
      seed: this.#seed,
      items,
      ending,
      wrapped,
      fuse: random.chance(0.6),
      takes,
      fails: this.#shape.fails === true,
      sharing: this.#sharing,
      document: { nodes: this.#nodes, graph: this.#graph },
      window: random.integer(0, 3),
    }
  }

  /** A node that shares its outputs, and the ways behind it; gives the last node of each. */
  #share(name: string, { depth, takes }: { depth: number; takes: number | undefined }) {
    const random = this.#random
    this.#sharing.push(name)
    const properties = {
      fanOut: 'share',
      workers: random.pick([1, 1, 2, 3]),
      ...(random.chance(0.4) && { packetsInFlight: random.integer(1, 3) }),
    } as const
    this.#nodes[name] = random.chance(0.25)
      ? { coro: this.#stream(name, (n) => [n]), properties }
      : { coro: this.#late(name, (n) => n), properties: { ...properties, ordered: random.chance(0.8) } }
    const ends = range(random.integer(2, 4)).map((place) => this.#way(`${name}${place}`, { depth, takes }))
    this.#graph[name] = ends.map(({ first }) => first)
    return { name, ends: ends.map(({ last }) => last) }
  }

  #way(name: string, { depth, takes }: { depth: number; takes: number | undefined }) {
    const work = depth === 0 ? madeOf : (n: number) => [n]
    this.#stage(name, work, { mayFail: depth === 0 && this.#shape.fails === true })
    let last = name
    const add = (next: string): void => {
      this.#graph[last] = [next]
      last = next
    }
    if (depth === 0 && this.#random.chance(0.3)) {
      const inner = this.#share(`${name}s`, { depth: 1, takes: undefined })
      add(inner.name)
      last = `${name}m`
      if (this.#random.chance(0.5)) this.#merge(last, inner.ends)
      else this.#seq(last, inner.ends)
    }
    if (takes !== undefined) {
      add(`${name}t`)
      this.#nodes[last] = { coro: taking(takes) }
    }
    return { first: name, last }
  }

  #merge(name: string, ends: readonly string[]): void {
    for (const end of ends) this.#graph[end] = [name]
    this.#nodes[name] = { coro: same, properties: { aggregateInputs: false, queueSize: this.#random.integer(1, 3) } }
  }

  #seq(name: string, ends: readonly string[]): void {
    for (const end of ends) this.#graph[end] = [name]
    this.#nodes[name] = { coro: eachOf, properties: PARTIAL }
  }

  /** A node on a way, of any style. */
  #stage(name: string, work: (n: number) => number[], { mayFail = false } = {}): void {
    const random = this.#random
    const style = random.pick(STYLES)
    const tried = (n: number): number[] => {
      if (mayFail && isBad(n)) throw new Error(`${n} is bad`)
      return work(n)
    }
    const properties = {
      workers: random.pick([1, 1, 2, 3]),
      ordered: random.chance(0.7),
      queueSize: random.pick([1, 1, 2, 5]),
      ...(mayFail && { onError: 'skip' as const }),
    } as const
    if (style === 'stream' && !mayFail) {
      const { workers, queueSize } = properties
      this.#nodes[name] = { coro: this.#stream(name, work), properties: { workers, queueSize } }
    } else if (style === 'batch' && work !== madeOf) {
      const coro = this.#late(name, (list: number[]) => list)
      this.#nodes[name] = { coro, properties: { ...properties, batch: { size: random.integer(1, 3) } } }
    } else {
      const expand = function* (n: number) {
        yield* tried(n)
      }
      const coro = style === 'generator' ? expand : this.#late(name, (n: number) => tried(n).values())
      this.#nodes[name] = { coro: style === 'plain' ? (n: number) => tried(n).values() : coro, properties }
    }
  }

  #late<T>(name: string, work: (value: T) => unknown) {
    return async (value: T, { signal }: Context) => {
      await this.#scheduler.step(`${name} ${value}`, signal)
      return work(value)
    }
  }

  #stream(name: string, work: (n: number) => number[]) {
    const scheduler = this.#scheduler
    return defineCoro({
      kind: 'stream',
      run: async function* (inputs: AsyncIterable<number>, { signal }: Context) {
        for await (const n of inputs) {
          await scheduler.step(`${name} ${n}`, signal)
          yield* work(n)
        }
      },
    })
  }
}

const PARTIAL = { missing: 'partial', collect: 'all' } as const

const same = (value: unknown): unknown => value

/** A stream that wants no more after so many. */
const taking = (count: number) =>
  defineCoro({
    kind: 'stream',
    run: async function* (inputs: AsyncIterable<unknown>) {
      let left = count
      if (left === 0) return
      for await (const value of inputs) {
        yield value
        if (--left === 0) return
      }
    },
  })

type Lists = readonly (readonly number[] | undefined)[]

/** Everything in a tuple of lists. */
function* eachOf(lists: Lists) {
  for (const list of lists) yield* list ?? []
}

/** What became of an item, in any order, and the item. */
const wholeOf = (lists: Lists): string =>
  lists.map((list) => (list ?? []).toSorted((a, b) => a - b).join()).join(' of ')
