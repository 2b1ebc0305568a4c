import { defineCoro } from '@pipelines/core'
import { flow } from '@pipelines/flow'
import { describe, expect, test } from 'vitest'
import { BlueprintBuilder } from '../../packages/flow/src/blueprint.js'
import { byText, double, isLarge, namesOf, negate, nodesOf, plumberOf } from './flow-support.js'

type Fn = (n: number) => number

/** A function that adds one and says that it has this name. */
function named(name: unknown): Fn {
  return Object.defineProperty((n: number) => n + 1, 'name', { value: name })
}

/** Names of functions that cannot be names of nodes as they are. */
const hostile: readonly unknown[] = [
  '',
  '__proto__',
  'constructor',
  'prototype',
  'with space',
  'größe',
  '😀',
  'std.take',
  'a.b',
  'x'.repeat(300),
  '1st',
  'a\u0000b',
  Symbol('name'),
  undefined,
  42,
]

describe('the name of a stage', () => {
  test('is that of its function', () => {
    const described = flow([1])
      .map(double)
      .filter(isLarge)
      .flatMap((n) => [n])
      .tee(negate)
    expect(namesOf(described)).toEqual(['from', 'double', 'isLarge', 'flatMap', 'negate'])
  })

  test('is what the stage does where it has none', () => {
    const described = flow([1])
      .map((n) => n)
      .filter(Boolean)
      .batch(2)
      .window(2)
      .take(1)
      .skip(1)
      .distinct()
      .each(() => {})
    expect(namesOf(described)).toEqual([
      'from',
      'map',
      'Boolean',
      'batch',
      'window',
      'take',
      'skip',
      'distinct',
      'each',
    ])
  })

  test('gets a number where it is taken', () => {
    expect(namesOf(flow([1]).map(double).map(double).map(double))).toEqual(['from', 'double', 'double-2', 'double-3'])
  })

  test('gets the next number where somebody has that, too', () => {
    const described = flow([1]).map(named('a')).map(named('a-2')).map(named('a')).map(named('a'))
    expect(namesOf(described)).toEqual(['from', 'a', 'a-2', 'a-3', 'a-4'])
  })

  test('is the one that it is given, whatever the others are', () => {
    const described = flow([1]).map(double).map(negate, { name: 'double' }).map(double, { name: 'from' }).batch(2)
    expect(namesOf(described)).toEqual(['from-2', 'double-2', 'double', 'from', 'batch'])
  })

  test('may be given to every kind of stage', () => {
    const one = flow([1], { name: 'a' })
      .map(double, { name: 'b' })
      .filter(isLarge, { name: 'c' })
      .flatMap((n) => [n], { name: 'd' })
      .tee(negate, { name: 'e' })
      .batch(2, { name: 'f' })
      .window(2, { name: 'g' })
      .take(2, { name: 'h' })
      .skip(2, { name: 'i' })
      .distinct(undefined, { name: 'j' })
      .node('std.pass', {}, { name: 'k' })
      .each(() => {}, { name: 'l' })
    expect(namesOf(one)).toEqual([...'abcdefghijkl'])
  })

  test('that two stages are given is an error', () => {
    const twice = flow([1]).map(double, { name: 'a' }).map(negate, { name: 'a' })
    expect(() => twice.toBlueprint()).toThrow(expect.objectContaining({ code: 'PLB_OPTION_INVALID' }))
    expect(() => twice.toBlueprint()).toThrow('"a"')
  })

  test('that two flows are given is an error only where they come together', () => {
    const [one, other] = [flow([1]).map(double, { name: 'a' }), flow([1]).map(double, { name: 'a' })]
    expect(namesOf(one)).toContain('a')
    expect(() => one.concat(other).toBlueprint()).toThrow('"a"')
  })

  test.each(['', 'a b', '__proto__', 'constructor', 'größe', 'x'.repeat(200)])('that is no name: %j', async (name) => {
    const issues = [{ code: expect.stringMatching(/^PLB_GRAPH_(NAME|SCHEMA)$/) }]
    const run = flow([1]).map(double, { name }).run()
    await expect(run).rejects.toMatchObject({ code: 'PLB_GRAPH_INVALID', details: { issues } })
  })

  test.each(hostile)('a function named %j does no harm', async (name) => {
    const described = flow([1]).map(named(name)).map(named(name)).tee(named(name))
    expect(await described.toArray()).toEqual([3])
    expect(await byText(described)).toEqual([3])
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  test('of a function whose name throws is made up', async () => {
    const thrower = Object.defineProperty((n: number) => n, 'name', {
      get: () => {
        throw new Error('no name')
      },
    })
    expect(await flow([1]).map(thrower).toArray()).toEqual([1])
  })
})

describe('a coroutine in the coroMap', () => {
  test('is there once, however many stages it has', () => {
    const { nodes } = flow([1]).map(double).map(double).filter(double).toBlueprint().graph
    expect(Object.values(nodes).map(({ coro, args }) => [coro, args?.['fn']])).toEqual([
      ['from', undefined],
      ['double', undefined],
      ['double', undefined],
      ['std.filter', 'double'],
    ])
  })

  test('of the same name as another gets a number', async () => {
    const other = { double: (n: number) => n + 100 }.double
    const described = flow([1]).map(double).map(other).map(double)
    expect(nodesOf(described)['double-2']?.coro).toBe('double-2')
    expect(await described.toArray()).toEqual([204])
  })

  test('named std is not the group of the ready ones', async () => {
    const described = flow([1])
      .map(named('std'))
      .filter(isLarge, { onStart: named('std') as never })
    expect(nodesOf(described)['std']?.coro).toBe('std-2')
    expect(await described.map(named('std')).toArray()).toEqual([])
  })

  test('is named by the args of the stages that call it', () => {
    const close = (): void => {}
    const described = flow([1]).map(double, { onStart: () => 1, onDone: close })
    expect(nodesOf(described)['double']).toEqual({
      coro: 'std.map',
      args: { fn: 'double', onStart: 'onStart', onDone: 'close' },
    })
  })

  test('gives keys', async () => {
    const described = flow([1, 2, 3]).map(double, { workers: 2, partitionBy: (n: number) => n % 2 })
    expect(nodesOf(described)['double']?.properties?.partitionBy).toBe('partitionBy')
    expect(await byText(described)).toEqual([2, 4, 6])
  })

  test('is found for functions in args, and in lists of them', async () => {
    const sum = defineCoro({ refs: ['fns'], run: (n: number, { args }) => total(args['fns'] as Fn[], n) })
    const described = flow([1]).node(sum, { fns: [double, negate, double], label: 'x' })
    expect(nodesOf(described)['node']?.args).toEqual({ fns: ['double', 'negate', 'double'], label: 'x' })
    expect(await byText(described)).toEqual([3])
    expect(await byText(flow([1, 2]).node('std.map', { fn: double }))).toEqual([2, 4])
  })
})

const total = (fns: readonly Fn[], n: number): number => fns.reduce((sum, fn) => sum + fn(n), 0)

describe('a blueprint', () => {
  test('is JSON, but for its coroMap', () => {
    const { graph } = flow([1])
      .map(double, { partitionBy: double, onStart: () => 1 })
      .filter(isLarge)
      .batch(2)
      .concat(flow([1]) as never)
      .ordered()
      .toBlueprint()
    expect(JSON.parse(JSON.stringify(graph))).toEqual(graph)
  })

  test('is made anew each time, and nobody who changes it changes the flow', async () => {
    const described = flow([1]).map(double)
    const { graph } = described.toBlueprint()
    Reflect.set(graph.nodes, 'double', { coro: 'nothing' })
    expect(await described.toArray()).toEqual([2])
  })

  test('is a whole: a Plumber runs it as often as wanted, and several at once', async () => {
    const plumber = plumberOf(flow([1, 2]).map(double).toBlueprint())
    expect(await Promise.all([plumber.collect(), plumber.collect()])).toEqual([
      [2, 4],
      [2, 4],
    ])
  })

  test('names no executors where no stage does', () => {
    expect(Object.keys(flow([1]).map(double).toBlueprint())).toEqual(['graph', 'coroMap'])
  })
})

describe('a builder', () => {
  test('makes a graph of nodes and edges', () => {
    const builder = new BlueprintBuilder()
    const from = builder.add({ label: 'numbers', coro: 'std.iter', args: { items: [1] } })
    const to = builder.add({ label: 'map', name: 'twice', coro: double, properties: { workers: 2 } })
    builder.connect(from, to, { port: 'x', queueSize: 5 })
    expect(builder.build().graph).toEqual({
      version: 1,
      nodes: {
        numbers: { coro: 'std.iter', args: { items: [1] } },
        twice: { coro: 'double', properties: { workers: 2 } },
      },
      graph: { numbers: [{ to: 'twice', port: 'x', queueSize: 5 }], twice: null },
    })
  })

  test('leaves out what is undefined', () => {
    const builder = new BlueprintBuilder()
    builder.add({ label: 'a', coro: 'std.pass', refs: { fn: undefined }, properties: { workers: undefined } })
    expect(builder.build().graph.nodes).toEqual({ a: { coro: 'std.pass' } })
  })

  test('keeps the queue of an edge that goes by a copy', () => {
    const builder = new BlueprintBuilder()
    const [a, b] = [builder.add({ label: 'a', coro: 'std.pass' }), builder.add({ label: 'b', coro: 'std.pass' })]
    builder.connect(a, b)
    builder.connect(a, b, { queueSize: 3 })
    expect(builder.build().graph.graph).toEqual({
      a: ['b', 'copy'],
      b: null,
      copy: [{ to: 'b', queueSize: 3 }],
    })
  })

  test('takes edges by several ports between the same two for different ones', () => {
    const builder = new BlueprintBuilder()
    const [a, b] = [builder.add({ label: 'a', coro: 'std.pass' }), builder.add({ label: 'b', coro: 'std.pass' })]
    builder.connect(a, b)
    builder.connect(a, b, { port: 'error' })
    expect(builder.build().graph.graph['a']).toEqual(['b', { to: 'b', port: 'error' }])
  })

  test('gives a name once, and numbers those that nobody asked for', () => {
    const builder = new BlueprintBuilder()
    builder.add({ label: 'a', coro: 'std.pass' })
    expect(builder.add({ label: 'a', coro: 'std.pass' })).toBe('a-2')
    expect(() => builder.add({ label: 'b', name: 'a', coro: 'std.pass' })).toThrow('"a"')
  })
})
