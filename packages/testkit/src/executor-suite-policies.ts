import type { Scenario } from './executor-suite-scenario.js'

/** Long enough for a call that does not wait, also where the machine is busy. */
const TIMEOUT = { timeoutMs: 400 } as const

/** What the properties of a node ask for. */
export const POLICIES: readonly Scenario[] = [
  {
    name: 'a call whose time is up is told, and has failed',
    play: async (stage) => {
      const properties = { ...TIMEOUT, onTimeout: 'skip' } as const
      const { values, errors, notes } = await stage.run({ coro: 'holds', properties }, [1, 'wait', 2])
      return [values, errors.map(({ code, details }) => [code, details]), notes.length]
    },
    gives: [[1, 2], [['PLB_NODE_TIMEOUT', { node: 'work', attempts: 1, ...TIMEOUT }]], 2],
  },
  {
    name: 'a call whose time is up is tried again when it has returned',
    play: async (stage) => {
      const properties = { ...TIMEOUT, retry: { attempts: 2, minDelayMs: 0 } }
      const { values, nodes } = await stage.run({ coro: 'holdsOnce', properties }, ['a'])
      return [values, nodes['work']?.['retried']]
    },
    gives: [['a'], 1],
  },
  {
    name: 'a result that comes too late is counted, and goes nowhere',
    play: async (stage) => {
      const properties = { ...TIMEOUT, onError: 'skip' } as const
      const work = { coro: 'deaf', args: { ms: 600 }, properties }
      const { values, nodes } = await stage.run(work, ['wait', 1])
      return [values, nodes['work']?.['late']]
    },
    gives: [[1], 1],
  },
  {
    name: 'a call that fails is tried again, so often, with the number of its attempt',
    play: async (stage) => {
      const work = { coro: 'failsUntil', args: { until: 3 }, properties: { retry: { attempts: 3, minDelayMs: 0 } } }
      const { values, nodes } = await stage.run(work, ['a', 'b'])
      return [values, nodes['work']?.['retried']]
    },
    gives: [
      [
        ['a', 3],
        ['b', 3],
      ],
      4,
    ],
  },
  {
    name: 'a call that fails at every attempt fails with the last error',
    play: async (stage) => {
      const work = { coro: 'failsUntil', args: { until: 9 }, properties: { retry: { attempts: 2, minDelayMs: 0 } } }
      const { error } = await stage.run(work, ['a'])
      return [error?.['details'], error?.['cause']]
    },
    gives: [
      { node: 'work', attempts: 2, phase: 'run' },
      { name: 'Error', message: 'attempt 2' },
    ],
  },
  {
    name: 'several workers keep the order of their inputs',
    play: async (stage) => {
      const work = { coro: 'spans', properties: { workers: 3 } }
      return (await stage.run(work, ['a', 'b', 'c', 'd', 'e'])).values
    },
    gives: ['a', 'b', 'c', 'd', 'e'],
    loose: true, // when each begins
  },
  {
    name: 'without order all items come out too',
    play: async (stage) => {
      const work = { coro: 'spans', properties: { workers: 3, ordered: false } }
      return (await stage.run(work, ['a', 'b', 'c', 'd', 'e'])).values.toSorted()
    },
    gives: ['a', 'b', 'c', 'd', 'e'],
    loose: true, // when each begins
  },
  {
    name: 'items of one key are never in progress together, and keep their order',
    play: async (stage) => {
      const work = { coro: 'spans', properties: { workers: 3, partitionBy: 'initial' } }
      const { values, notes } = await stage.run(work, ['a1', 'a2', 'b1', 'a3', 'b2'])
      const ofKey = (key: string): readonly unknown[] =>
        (notes as string[][]).filter(([, value]) => value?.startsWith(key)).map((note) => note.join(' '))
      return [values, ofKey('a'), ofKey('b')]
    },
    gives: [
      ['a1', 'a2', 'b1', 'a3', 'b2'],
      ['a1', 'a2', 'a3'].flatMap((value) => [`begins ${value}`, `ends ${value}`]),
      ['b1', 'b2'].flatMap((value) => [`begins ${value}`, `ends ${value}`]),
    ],
    loose: true, // when each begins
  },
  {
    name: 'a batch gives a result for each of its items',
    play: async (stage) => {
      const { values, nodes } = await stage.run({ coro: 'doubleAll', properties: { batch: { size: 2 } } }, [1, 2, 3])
      return [values, nodes['work']?.['received']]
    },
    gives: [[2, 4, 6], 3],
  },
  {
    name: 'a batch may give DROP for some of its items',
    play: async (stage) => {
      const { values, nodes } = await stage.run({ coro: 'doubleAll', properties: { batch: { size: 2 } } }, [1, 0, 3])
      return [values, nodes['work']?.['completed']]
    },
    gives: [[2, 6], 3],
  },
  {
    name: 'a batch may give one value for all',
    play: async (stage) =>
      (await stage.run({ coro: 'sum', properties: { batch: { size: 2, returns: 'one' } } }, [1, 2, 3])).values,
    gives: [3, 3],
  },
  {
    name: 'a batch has an index of its own, and the meta of all its items',
    play: async (stage) => {
      const properties = { batch: { size: 2, returns: 'one' } } as const
      const { pipeline, ended } = await stage.start({ coro: 'facts', args: { facts: ['index', 'meta'] }, properties })
      for (const n of [1, 2, 3]) await pipeline.put(n, { meta: { [`of${n}`]: n } })
      return (await ended()).values
    },
    gives: [
      { index: 0, meta: { of1: 1, of2: 2 } },
      { index: 1, meta: { of3: 3 } },
    ],
  },
  {
    name: 'a batch that gives too few results has failed',
    play: async (stage) => {
      const { error } = await stage.run({ coro: 'shorter', properties: { batch: { size: 2 } } }, [1, 2])
      return [error?.['code'], Reflect.get(Object(error?.['cause']), 'code')]
    },
    gives: ['PLB_NODE_CARDINALITY', undefined],
  },
  {
    name: 'windows slide over the input',
    play: async (stage) =>
      (await stage.run({ coro: 'sum', properties: { window: { size: 3, partial: true } } }, [1, 2, 3, 4])).values,
    gives: [6, 9],
  },
  {
    name: 'a rate limits calls, and loses none',
    play: async (stage) => {
      const work = { coro: 'same', properties: { workers: 2, rateLimit: { count: 2, perMs: 20 } } }
      return (await stage.run(work, [1, 2, 3, 4, 5])).values
    },
    gives: [1, 2, 3, 4, 5],
  },
  {
    name: 'a coroutine that promises one output and gives none has failed',
    play: async (stage) => {
      const { error } = await stage.run({ coro: 'oneToOne', properties: { onError: 'fail' } }, [2])
      return [error?.['code'], Reflect.get(Object(error?.['cause']), 'code')]
    },
    gives: ['PLB_NODE_FAILED', 'PLB_NODE_CARDINALITY'],
  },
  {
    name: 'inputs and outputs are checked where that is asked for',
    play: async (stage) => {
      const work = { coro: 'checked', properties: { onError: 'skip' } } as const
      const { values, errors } = await stage.run(work, [1, 'two', 6, 5], { validate: true })
      return [values, errors.map(({ cause }) => Reflect.get(Object(cause), 'code'))]
    },
    gives: [
      [2, 10],
      ['PLB_CORO_TYPE', 'PLB_CORO_TYPE'],
    ],
  },
  {
    name: 'what a generator yields is checked',
    play: async (stage) => {
      const { values, error } = await stage.run({ coro: 'checkedBelow' }, [3], { validate: true })
      return [values, Reflect.get(Object(error?.['cause']), 'code')]
    },
    gives: [[0, 1], 'PLB_CORO_TYPE'],
    loose: true, // how far it was ahead
  },
  {
    name: 'what is checked has its hooks, and is warm, as without',
    play: async (stage) => {
      const { values, notes } = await stage.run({ coro: 'checkedSum' }, [1, 2], { validate: true })
      return [values, notes]
    },
    gives: [[3], [['teardown', null]]],
  },
]
