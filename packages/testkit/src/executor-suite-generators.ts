import { line, type Scenario } from './executor-suite-scenario.js'

/** Coroutines that give several outputs, and what comes of it. */
export const GENERATORS: readonly Scenario[] = [
  ...[
    ['a generator', 'below'],
    ['an asynchronous generator', 'belowLater'],
    ['a generator out of a promise', 'belowSoon'],
  ].map(
    ([what = '', coro = '']): Scenario => ({
      name: `${what} gives all that it yields, in order`,
      play: async (stage) => (await stage.run({ coro }, [2, 0, 3])).values,
      gives: [0, 1, 0, 1, 2],
    }),
  ),
  {
    name: 'an iterator that is no generator gives what is in it',
    play: async (stage) => (await stage.run({ coro: 'iterator' }, [[1, 2], [], [3]])).values,
    gives: [1, 2, 3],
  },
  {
    name: 'a generator may yield undefined, null and DROP',
    play: async (stage) => (await stage.run(line({ work: { coro: 'voids' }, after: { coro: 'kindOf' } }), [0])).values,
    gives: ['Undefined', 'Null', 'Number', 'String', 'Boolean'].map((kind) => `[object ${kind}]`),
  },
  {
    name: 'a generator that yields a rejection has failed, and cleans up',
    play: async (stage) => {
      const { values, notes, errors } = await stage.run({ coro: 'rejecting', properties: { onError: 'skip' } }, [1])
      return [values, notes, errors.map(({ cause }) => cause)]
    },
    gives: [[1], ['cleaned up'], [{ name: 'RangeError', message: 'rejected', class: 'RangeError' }]],
  },
  {
    name: 'a generator has so much time for all that it does, and cleans up',
    play: async (stage) => {
      const properties = { timeoutMs: 300, onError: 'skip' } as const
      const { outcome, notes, errors } = await stage.run({ coro: 'endless', properties }, [1])
      return [outcome, notes, errors.map(({ code }) => code)]
    },
    gives: ['completed', ['cleaned up'], ['PLB_NODE_TIMEOUT']],
    loose: true, // how many outputs there were
  },
  {
    name: 'a generator that yields a thousand values gives them all',
    play: async (stage) => {
      const work = line({ work: { coro: 'below' }, after: { coro: 'numbers.double', properties: { queueSize: 2 } } })
      const { values } = await stage.run(work, [1000])
      return [values.length, values.every((value, n) => value === 2 * n)]
    },
    gives: [1000, true],
  },
  {
    name: 'what a generator emits leaves before what it yields next',
    play: async (stage) => (await stage.run({ coro: 'yieldsAndEmits' }, [1], { meta: { a: 0 } })).outputs,
    gives: [
      { node: 'work', port: 'left', value: '1 begins', meta: { a: 0 } },
      { node: 'work', port: 'out', value: 1, meta: { a: 0 } },
      { node: 'work', port: 'left', value: '1 goes on', meta: { a: 0, by: 'emit' } },
      { node: 'work', port: 'out', value: -1, meta: { a: 0 } },
      { node: 'work', port: 'left', value: '1 ends', meta: { a: 0 } },
    ],
  },
  {
    name: 'a generator that fails has given what it had yielded, and cleans up',
    play: async (stage) => {
      const properties = { onError: 'skip' } as const
      const { values, notes, errors } = await stage.run({ coro: 'breaks', properties }, [2, 1])
      return [values, notes, errors.map(({ cause }) => cause)]
    },
    gives: [
      [0, 1, 0],
      ['cleaned up', 'cleaned up'],
      [2, 1].map((n) => ({ name: 'RangeError', message: `broken after ${n}`, class: 'RangeError' })),
    ],
  },
  {
    name: 'a generator that is atomic gives all or nothing, and is tried again',
    play: async (stage) => {
      const properties = { emit: 'atomic', retry: { attempts: 2, minDelayMs: 0 } } as const
      const { values, nodes } = await stage.run({ coro: 'breaks', properties }, [3])
      return [values, nodes['work']?.['retried']]
    },
    gives: [[0, 1, 2], 1],
  },
  {
    name: 'a generator that is atomic and fails for good gives nothing',
    play: async (stage) => {
      const properties = { emit: 'atomic', onError: 'skip' } as const
      return (await stage.run({ coro: 'breaks', args: { always: true }, properties }, [3])).values
    },
    gives: [],
  },
  {
    name: 'a generator cleans up when nobody wants more of it',
    play: async (stage) => {
      const { values, notes, outcome } = await stage.run(
        line({ work: { coro: 'endless' }, after: { coro: 'firstTwo' } }),
        [0],
      )
      return [outcome, values, notes]
    },
    gives: ['completed', [1], ['cleaned up']],
    loose: true, // how far it was ahead
  },
  {
    name: 'a generator cleans up when the run is doomed',
    play: async (stage) => {
      const { pipeline, given, settled } = await stage.start({ coro: 'endless' })
      await pipeline.put(0)
      await given(1)
      await pipeline.doomsday('enough')
      const { outcome, reason, notes, abandoned } = await settled()
      return [outcome, reason, notes, abandoned]
    },
    gives: ['doomed', 'enough', ['cleaned up'], []],
    loose: true, // how many outputs there were
  },
  {
    name: 'generators of several workers keep the order of their inputs',
    play: async (stage) => (await stage.run({ coro: 'belowLater', properties: { workers: 2 } }, [3, 1, 2])).values,
    gives: [0, 1, 2, 0, 0, 1],
  },
]
