import { FlowManager, type ValueMap } from 'flowed'
import { GraphAI } from 'graphai'
import { double, increment, triple } from '../numbers.js'

type GraphData = ConstructorParameters<typeof GraphAI>[0]
type FlowSpec = NonNullable<Parameters<typeof FlowManager.run>[0]>

/** One run of a graph for one item: that is how both libraries are meant. */
export type OneRun = (item: number) => Promise<number>

/** GraphAI, README "Inline Agent Function" and "Data Source". Its `mapAgent` makes one GraphAI per item as well. */
export const graphaiDiamond: OneRun = (item) => graphai(GRAPHAI_DIAMOND, item)
export const graphaiChain: OneRun = (item) => graphai(GRAPHAI_CHAIN, item)

/** flowed, README "Parametrized running" and "Dependency management". */
export const flowedDiamond: OneRun = (item) => flowed(FLOWED_DIAMOND, item)
export const flowedChain: OneRun = (item) => flowed(FLOWED_CHAIN, item)

const GRAPHAI_DIAMOND: GraphData = {
  version: 0.5,
  nodes: {
    source: { value: 0 },
    one: { agent: ({ value }: Value) => increment(value), inputs: { value: ':source' } },
    two: { agent: ({ value }: Value) => double(value), inputs: { value: ':source' } },
    three: { agent: ({ value }: Value) => triple(value), inputs: { value: ':source' } },
    result: { agent: add, inputs: { one: ':one', two: ':two', three: ':three' }, isResult: true },
  },
}

const GRAPHAI_CHAIN: GraphData = {
  version: 0.5,
  nodes: {
    source: { value: 0 },
    a: { agent: ({ value }: Value) => increment(value), inputs: { value: ':source' } },
    b: { agent: ({ value }: Value) => increment(value), inputs: { value: ':a' } },
    c: { agent: ({ value }: Value) => increment(value), inputs: { value: ':b' } },
    result: { agent: ({ value }: Value) => increment(value), inputs: { value: ':c' }, isResult: true },
  },
}

const FLOWED_RESOLVERS = {
  increment: ({ value }: ValueMap) => ({ value: increment(value) }),
  double: ({ value }: ValueMap) => ({ value: double(value) }),
  triple: ({ value }: ValueMap) => ({ value: triple(value) }),
  add: ({ one, two, three }: ValueMap) => ({ value: add({ one, two, three }) }),
}

const FLOWED_DIAMOND: FlowSpec = {
  tasks: {
    one: task('increment', 'source', 'one'),
    two: task('double', 'source', 'two'),
    three: task('triple', 'source', 'three'),
    join: {
      requires: ['one', 'two', 'three'],
      provides: ['result'],
      resolver: { name: 'add', params: { one: 'one', two: 'two', three: 'three' }, results: { value: 'result' } },
    },
  },
}

/** Five tasks less the source, which here is a parameter. */
const FLOWED_CHAIN: FlowSpec = {
  tasks: {
    a: task('increment', 'source', 'a'),
    b: task('increment', 'a', 'b'),
    c: task('increment', 'b', 'c'),
    d: task('increment', 'c', 'result'),
  },
}

interface Value {
  readonly value: number
}

interface Sum {
  readonly one: number
  readonly two: number
  readonly three: number
}

async function graphai(data: GraphData, item: number): Promise<number> {
  const graph = new GraphAI(data, {})
  graph.injectValue('source', item)
  const { result } = await graph.run<number>()
  return result ?? Number.NaN
}

async function flowed(spec: FlowSpec, item: number): Promise<number> {
  const { result } = await FlowManager.run(spec, { source: item }, ['result'], FLOWED_RESOLVERS)
  return result
}

function task(resolver: string, from: string, to: string): NonNullable<FlowSpec['tasks']>[string] {
  return {
    requires: [from],
    provides: [to],
    resolver: { name: resolver, params: { value: from }, results: { value: to } },
  }
}

function add({ one, two, three }: Sum): number {
  return one + two + three
}
