import { line, type Scenario } from './executor-suite-scenario.js'
import type { StageGraph, StageNode } from './executor-suite-stage.js'

/** A fork with two branches, and their join. */
const diamond = (left: StageNode, right: StageNode, join: StageNode = { coro: 'same' }): StageGraph => ({
  nodes: { in: { coro: 'std.inlet' }, left, right, join },
  graph: { in: ['left', 'right'], left: ['join'], right: ['join'] },
})
const DOUBLE = { coro: 'numbers.double' }

/** Nodes in an executor, in front of, between and behind others. */
export const GRAPHS: readonly Scenario[] = [
  {
    name: 'nodes one behind the other hand on what they give',
    play: async (stage) =>
      (await stage.run(line({ a: DOUBLE, work: { coro: 'below' }, b: { coro: 'odd' } }), [1, 2])).values,
    gives: [1, 1, 3],
  },
  {
    name: 'a node between nodes that run inline gives the same',
    play: async (stage) => {
      const inline = { coro: 'numbers.double', properties: { executor: 'inline' } }
      return (await stage.run(line({ a: inline, work: { coro: 'numbers.negate' }, b: inline }), [1, 2])).values
    },
    gives: [-4, -8],
  },
  {
    name: 'a join pairs what descends from the same item, whatever overtakes',
    play: async (stage) => {
      const slow = { coro: 'later', properties: { workers: 3, ordered: false } }
      return (await stage.run(diamond(slow, DOUBLE), [1, 2, 3, 4])).values
    },
    gives: [1, 2, 3, 4].map((n) => [n, 2 * n]),
    loose: true, // who is first
  },
  {
    name: 'a join leaves out items of which a branch gave nothing',
    play: async (stage) => (await stage.run(diamond({ coro: 'odd' }, DOUBLE), [1, 2, 3])).values,
    gives: [
      [1, 2],
      [3, 6],
    ],
  },
  {
    name: 'a join gives the product of what its branches gave',
    play: async (stage) => {
      const join = { coro: 'same', properties: { collect: 'product' } } as const
      return (await stage.run(diamond({ coro: 'below' }, DOUBLE, join), [0, 2])).values
    },
    gives: [
      [0, 4],
      [1, 4],
    ],
  },
  {
    name: 'a join takes what is skipped in a branch for nothing',
    play: async (stage) => {
      const left = { coro: 'fails', args: { except: 'fine' }, properties: { onError: 'skip' } } as const
      const { values, roots } = await stage.run(diamond(left, { coro: 'same' }), ['fine', 'text'], { ledger: true })
      return [values, roots]
    },
    gives: [[['fine', 'fine']], { delivered: 1, filtered: 0, deadLettered: 0, errored: 1, aborted: 0 }],
  },
  {
    name: 'a node merges its inputs where it does not join them',
    play: async (stage) => {
      const join = { coro: 'same', properties: { aggregateInputs: false } }
      const { values } = await stage.run(diamond(DOUBLE, { coro: 'numbers.negate' }, join), [1, 2])
      return values.toSorted((a, b) => Number(a) - Number(b))
    },
    gives: [-2, -1, 2, 4],
    loose: true, // by arrival
  },
  {
    name: 'values that two successors get are the same for both',
    play: async (stage) => {
      const { values } = await stage.run(diamond({ coro: 'same' }, { coro: 'kindOf' }), [{ a: [1] }])
      return values
    },
    gives: [[{ a: [1] }, '[object Object]']],
  },
  {
    name: 'a graph runs again, and at the same time, on its own',
    play: async (stage) => {
      const runs = [1, 2, 3].map((n) => stage.run({ coro: 'adding' }, [n, n]))
      return (await Promise.all(runs)).map(({ values }) => values)
    },
    gives: [[2], [4], [6]],
    loose: true, // which of them ends first
  },
]
