import type { RunReport } from '@pipelines/core'
import { type Blueprint, flow } from '@pipelines/flow'
import { Pipeline } from '@pipelines/flow/blllib'
import { filter, iter, nest } from '@pipelines/flow/nest'
import * as pl from '@pipelines/flow/pypeln'
import { tasks } from '@pipelines/flow/tasks'
import { type Graph, Plumber } from '@pipelines/plumber'
import { std } from '@pipelines/std'
import { describe, expect, test } from 'vitest'
import { expectBalancedBooks } from '../support/books.js'

/*
 * Numbers, of which the doubles that can be divided by four are stored: one pipeline, in every notation.
 */

const NUMBERS = [1, 2, 3, 4, 5, 6]
const STORED = [4, 8, 12]

const double = (n: number): number => 2 * n
const isLarge = (n: number): boolean => n % 4 === 0

/** The same pipeline, with a place of its own for what it stores. */
type Notation = (store: (n: number) => void) => Blueprint

const json: Notation = (store) => ({
  graph: {
    nodes: {
      numbers: { coro: 'std.iter', args: { items: NUMBERS } },
      double: { coro: 'double' },
      large: { coro: 'std.filter', args: { fn: 'isLarge' } },
      store: { coro: 'std.each', args: { fn: 'store' } },
    },
    graph: { numbers: ['double'], double: ['large'], large: ['store'], store: null },
  },
  coroMap: [std, { double, isLarge, store }],
})

/** Lists of tasks know no filter: a task gives what it likes. And each has packets in flight, one if nothing is said. */
const listed: Notation = (store) =>
  tasks([
    {
      run: function* numbers() {
        yield* NUMBERS
      },
    },
    {
      run: async function* doubles(inputs: AsyncIterable<number>) {
        for await (const n of inputs) yield double(n)
      },
    },
    {
      run: async function* large(inputs: AsyncIterable<number>) {
        for await (const n of inputs) if (isLarge(n)) yield n
      },
    },
    {
      run: async (inputs: AsyncIterable<number>) => {
        for await (const n of inputs) store(n)
      },
    },
  ]).toBlueprint()

const NOTATIONS: Readonly<Record<string, Notation>> = {
  JSON: json,
  flow: (store) => flow(NUMBERS).map(double).filter(isLarge).each(store).toBlueprint(),
  'a flow without a source, joined to one': (store) => {
    const work = flow<number>().map(double).filter(isLarge)
    return flow(NUMBERS).pipe(work).each(store).toBlueprint()
  },
  pypeln: (store) => pl.pipe(NUMBERS, pl.sync.map(double), pl.sync.filter(isLarge), pl.sync.each(store)).toBlueprint(),
  nest: (store) => nest(iter(NUMBERS), double, filter(isLarge), store).toBlueprint(),
  'nest in nest': (store) => nest(nest(iter(NUMBERS), double), [filter(isLarge), store]).toBlueprint(),
  tasks: listed,
  blllib: (store) =>
    new Pipeline([double, stateless((n: number) => (isLarge(n) ? n : undefined)), stored(store)].map(stateless))
      .apply(NUMBERS)
      .toBlueprint(),
}

const stateless = <F extends (input: never) => unknown>(fn: F): F => Object.assign(fn, { stateful: false })

/** blllib gives one result per input: what is not to be stored is passed over where the others are stored. */
const stored = (store: (n: number) => void) => (n: number | undefined) => (n === undefined ? undefined : store(n))

/** What is left of a graph without its names: properties of the nodes, in topological order, and who sends to whom. */
function shapeOf({ order, nodes, graph }: Plumber): unknown {
  const place = new Map(order.map((name, number) => [name, number]))
  const sends = (name: string): unknown =>
    (graph.graph[name] ?? []).map(({ to, ...edge }: Graph['graph'][string][number]) => ({ ...edge, to: place.get(to) }))
  return order.map((name) => ({ properties: nodes[name]?.properties, sends: sends(name) }))
}

/** The graph of JSON, as lists of tasks and callables say it: these say something that is not the default. */
const SAID: Readonly<Record<string, (place: number) => object | undefined>> = {
  tasks: (place) => (place < 3 ? { packetsInFlight: 1 } : undefined),
  blllib: (place) => (place > 0 ? { stateful: false, queueSize: 1 } : undefined),
}

function expectedShape(notation: string): unknown {
  const { graph, ...options } = json(() => {})
  const said = SAID[notation] ?? (() => undefined)
  const nodes = Object.entries(graph.nodes).map(([name, node], place) => [name, { ...node, properties: said(place) }])
  return shapeOf(new Plumber({ ...graph, nodes: Object.fromEntries(nodes) }, options))
}

describe.each(Object.entries(NOTATIONS))('the pipeline in %s', (name, notation) => {
  test('is the same graph but for names', () => {
    const { graph, ...options } = notation(() => {})
    expect(shapeOf(new Plumber(graph, options))).toEqual(expectedShape(name))
  })

  test('stores the same', async () => {
    const seen: number[] = []
    const { graph, ...options } = notation((n) => seen.push(n))
    const report: RunReport = await new Plumber(graph, options).run()
    expectBalancedBooks(report, [])
    expect(seen).toEqual(STORED)
  })

  test('is JSON, and what was read back does the same', async () => {
    const seen: number[] = []
    const { graph, ...options } = notation((n) => seen.push(n))
    const copy: unknown = JSON.parse(JSON.stringify(graph))
    expect(copy).toEqual(graph)
    await new Plumber(JSON.stringify(graph), options).run()
    expect(seen).toEqual(STORED)
  })

  test('has no issue, and can be drawn', () => {
    const { graph, ...options } = notation(() => {})
    expect(Plumber.check(graph, options)).toEqual([])
    expect(new Plumber(graph, options).toMermaid()).toMatch(/^flowchart/)
  })
})
