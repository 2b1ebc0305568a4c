import type { PipelineError } from '@pipelines/core'
import {
  as,
  batch,
  broadcast,
  by,
  constant,
  filter,
  iter,
  type Member,
  map,
  Nest,
  nest,
  parallel,
  print,
  read,
  Stage,
  seq,
  serial,
  stamp,
  step,
  write,
  zip,
} from '@pipelines/flow/nest'
import { Plumber } from '@pipelines/plumber'
import { expect, test } from 'vitest'

const double = (n: number): number => n * 2
const inc = (n: number): number => n + 1
class Other {}
class Add extends Stage<number, number, [amount?: number]> {}

/** Nodes and edges of a nest, shortly. */
function graphOf(...members: Member[]) {
  const { graph } = nest(...members).toBlueprint()
  return graph
}

test('a chain has one node per member, with the names of functions and classes', () => {
  expect(graphOf(iter([1]), double, [inc, new Add()])).toEqual({
    version: 1,
    nodes: { iter: { coro: 'iter' }, double: { coro: 'double' }, inc: { coro: 'inc' }, Add: { coro: 'Add' } },
    graph: { iter: ['double'], double: ['inc'], inc: ['Add'], Add: null },
  })
})

test('the ready members are ready coroutines, which JSON can name', () => {
  const { nodes } = graphOf(constant('x', 2), map(double), filter(inc), batch(), print('> '), stamp(), write('out.txt'))
  expect(nodes).toEqual({
    constant: { coro: 'std.const', args: { value: 'x', count: 2 } },
    double: { coro: 'double' },
    inc: { coro: 'std.filter', args: { fn: 'inc' } },
    batch: { coro: 'std.pass', properties: { batch: { size: 64, returns: 'one' } } },
    print: { coro: 'std.print', args: { prefix: '> ' } },
    stamp: { coro: 'std.stamp', args: { label: 'Processing item' } },
    write: { coro: 'std.write', args: { path: 'out.txt' } },
  })
  expect(graphOf(read('in.txt'), read()).nodes).toMatchObject({
    read: { coro: 'std.read', args: { path: 'in.txt' } },
    'read-2': { coro: 'std.read' },
  })
})

test('different members in parallel share what comes, one item each', () => {
  const { nodes, graph } = graphOf(iter([1]), parallel(double, new Add()), inc)
  expect(nodes['share']).toEqual({ coro: 'std.pass', properties: { fanOut: 'share', packetsInFlight: 1 } })
  expect(graph).toEqual({ iter: ['share'], share: ['double', 'Add'], double: ['inc'], Add: ['inc'], inc: null })
  expect(nodes['inc']?.properties).toEqual({ aggregateInputs: false })
})

test('the same function in parallel, and stages of one class, are one node with workers', () => {
  const { nodes } = graphOf(iter([1]), parallel(double, double), as(3, Add, 5))
  expect(nodes['double']?.properties).toEqual({ workers: 2, ordered: false })
  expect(nodes['Add']?.properties).toEqual({ workers: 3, ordered: false })
})

test('seq of one node asks that to keep order', () => {
  const { nodes } = graphOf(iter([1]), seq(parallel(double, double)), seq(inc))
  expect(nodes['double']?.properties).toEqual({ workers: 2, ordered: true })
  expect(Object.keys(nodes)).toEqual(['iter', 'double', 'inc'])
})

test('a member in parallel that begins with several nodes is entered by one', () => {
  const { graph } = graphOf(iter([1]), parallel(inc, [broadcast(double, double)]))
  expect(graph['share']).toEqual(['inc', 'pass'])
  expect(graph['pass']).toEqual(['double', 'double-2'])
})

test('so is one that stands alone in parallel', () => {
  const alone = parallel([broadcast(double, double)])
  expect(graphOf(iter([1]), parallel(inc, alone)).graph['share']).toEqual(['inc', 'pass'])
})

test('beside other members in parallel, several are nodes of their own, however deep they stand', () => {
  const { nodes, graph } = graphOf(
    iter([1]),
    parallel(inc, as(2, Add, 5), [parallel(double, double, [as(2, Add)]), inc]),
  )
  expect(nodes['share']?.properties).toEqual({ fanOut: 'share', packetsInFlight: 1 })
  expect(graph['share']).toEqual(['inc', 'Add', 'Add-2', 'double', 'double-2', 'Add-3', 'Add-4'])
  expect(nodes['Add']?.properties).toBeUndefined()
  expect(graph['double-2']).toEqual(['inc-2'])
})

test('a step with workers is given as many items at once, and so is each that shares them', () => {
  const { nodes, graph } = graphOf(iter([1]), parallel(inc, [step(double, { workers: 3 })]))
  expect(nodes['share']?.properties).toEqual({ fanOut: 'share', packetsInFlight: 3 })
  expect(graph['share']).toEqual(['inc', 'double'])
})

test('properties of a step are those of its node, and the size of queues is that of the nest unless it says one', () => {
  const own = step(double, { name: 'twice', workers: 4, queueSize: 3, onError: 'skip' })
  const { graph } = nest(iter([1]), own, inc)
    .with({ queueSize: 16 })
    .toBlueprint()
  expect(graph.nodes['twice']?.properties).toEqual({ workers: 4, queueSize: 3, onError: 'skip' })
  expect(graph.nodes['inc']?.properties).toEqual({ queueSize: 16 })
})

test('a blueprint runs in a Plumber, stages and all', async () => {
  const calls: string[] = []
  class Noting extends Stage<number, number> {
    override initialize(): void {
      calls.push('initialize')
    }
    override setup(): void {
      calls.push('setup')
    }
  }
  const { graph, ...options } = nest(iter([1, 2]), new Noting(), double).toBlueprint()
  expect(await new Plumber(graph, options).collect()).toEqual([2, 4])
  expect(calls).toEqual(['initialize', 'setup'])
})

test('the graph of a nest has the shape of its members', () => {
  const one = nest(iter([1]), [double, inc], parallel(inc, double), by(2, Add), seq(as(2, Add)), zip(inc, [double]))
  expect(one.graph()).toEqual([
    'iter',
    ['double', 'inc'],
    { parallel: ['inc-2', 'double-2'] },
    { broadcast: ['Add', 'Add-2'] },
    { seq: [{ parallel: ['Add-3', 'Add-3'] }] },
    { zip: ['inc-3', ['double-3']] },
  ])
})

test('the layout has one line per node', () => {
  const one = nest(iter([1]), broadcast(double, serial(inc, new Add())), print())
  expect(one.printLayout().split('\n')).toEqual([
    'iter       from -  to double, inc',
    '>> double  from iter  to print',
    '>> >> inc  from iter  to Add',
    '>> >> Add  from inc  to print',
    'print      from double, Add  to -',
  ])
})

test('sources and sinks are where items come from and where they leave', () => {
  const one = nest(parallel(iter([1]), constant(2, 1)), broadcast(double, inc))
  expect([one.sources(), one.sinks()]).toEqual([
    ['iter', 'constant'],
    ['double', 'inc'],
  ])
})

test('everything that is wrong with the members is said at once', () => {
  const twice = new Add()
  const members: unknown[] = [Add, [], print, parallel(7 as never, serial()), twice, [twice], [1, 2].values()]
  const error = failure(() => nest(...(members as Member[])))
  expect(error.code).toBe('PLB_GRAPH_INVALID')
  expect(issuesOf(error)).toEqual([
    ['/0', 'Add is a class. Make an instance: new Add().'],
    ['/1', 'This list is empty. Give at least one member.'],
    ['/2', 'print makes a member. Call it: print().'],
    ['/3/0', '7 is no member of a nest. Give a function, an instance of a class of stages, or a list of them.'],
    ['/3/1', 'This serial is empty. Give at least one member.'],
    ['/5/0', 'This instance of Add is in the nest already. Make another one.'],
    ['/6', expect.stringMatching(/is no member of a nest. Use iter\(\) for its items.$/)],
  ])
})

test.each<[string, unknown, string]>([
  ['no members', [], 'This list is empty. Give at least one member.'],
  ['too few copies', as(0, Add), 'There cannot be 0 of them. Give an integer ≥ 1.'],
  ['a class that is none of stages', as(2, Other as never), 'Other is a class, but not one of stages.'],
  [
    'copies of nothing',
    by(2, 'x' as never),
    '"x" makes no members. Give a class of stages, or a function that makes one member.',
  ],
  ['a stage with workers', step(new Add(), { workers: 3 }), 'An instance of Add is one worker, not 3. Use as(3, Add).'],
  [
    'a stage on a thread',
    step(new Add(), { executor: 'thread' }),
    'An instance of Add cannot go to the executor "thread". Export stageCoro() of its class from a module, and use that.',
  ],
  ['a stage with args', step(new Add(), { args: {} }), 'Add is constructed with its args. Give them to new Add().'],
  ['a step of a class', step(Add as never), 'Add is a class. Make an instance: new Add().'],
])('%s: that is an issue', (_, member, message) => {
  expect(issuesOf(failure(() => nest(member as Member)))).toEqual([['/0', message]])
})

test('a nest of nothing is an issue, and so is a list that contains itself', () => {
  expect(issuesOf(failure(() => nest()))).toEqual([['', 'This nest is empty. Give at least one member.']])
  const endless: Member[] = []
  endless.push(endless)
  expect(failure(() => nest(endless)).message).toContain('nested too deep')
})

test('a nest in two places, with its stages, is an issue', () => {
  const inner = nest(new Add())
  expect(issuesOf(failure(() => nest(inner, inner)))).toEqual([
    ['/1', 'This instance of Add is in the nest already. Make another one.'],
  ])
  expect(inner).toBeInstanceOf(Nest)
})

test('iter takes what has items, and a name is given once', () => {
  expect(failure(() => iter('text' as never)).code).toBe('PLB_OPTION_INVALID')
  expect(failure(() => nest(iter([1]), step(inc, { name: 'a' }), step(inc, { name: 'a' })).graph()).code).toBe(
    'PLB_OPTION_INVALID',
  )
})

function failure(work: () => unknown): PipelineError {
  try {
    work()
  } catch (error) {
    return error as PipelineError
  }
  throw new Error('nothing was thrown')
}

function issuesOf({ details }: PipelineError): unknown[] {
  const { issues = [] } = details as { issues?: readonly { pointer: string; message: string }[] }
  return issues.map(({ pointer, message }) => [pointer, message])
}
