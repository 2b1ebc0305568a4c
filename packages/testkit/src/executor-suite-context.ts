import type { Scenario } from './executor-suite-scenario.js'
import { alone } from './executor-suite-scenario.js'

const facts = (...names: readonly string[]): { coro: string; args: { facts: readonly string[] } } => ({
  coro: 'facts',
  args: { facts: names },
})
const OUT = { node: 'work', port: 'out' }

/** What coroutines are told beside their input, and what they say by it. */
export const CONTEXT: readonly Scenario[] = [
  {
    name: 'the node, the attempt, the index and the worker of a call are told',
    play: async (stage) => (await stage.run(facts('node', 'attempt', 'index', 'worker'), ['a', 'b'])).values,
    gives: [0, 1].map((index) => ({ node: 'work', attempt: 1, index, worker: { index: 0, count: 1, active: 0 } })),
  },
  {
    name: 'args are told, whatever data they are',
    play: async (stage) => {
      const args = { facts: ['args'], list: [1, { two: 2 }], map: new Map([['a', 1n]]), none: null }
      return (await stage.run({ coro: 'facts', args }, [0])).values
    },
    gives: [{ args: { facts: ['args'], list: [1, { two: 2 }], map: new Map([['a', 1n]]), none: null } }],
  },
  {
    name: 'args cannot be changed',
    play: async (stage) => (await stage.run({ coro: 'isFrozen' }, [0])).values,
    gives: [true],
  },
  {
    name: 'coroutines that args name are functions, also in lists',
    play: async (stage) => {
      const args = { by: 'numbers.double', last: ['numbers.negate', 'same', 'isEven'] }
      return (await stage.run({ coro: 'applies', args }, [3, 4])).values
    },
    gives: [
      [-6, 6, true],
      [-8, 8, true],
    ],
  },
  {
    name: 'a definition is the `this` of its function',
    play: async (stage) => (await stage.run({ coro: 'withField' }, [1, 2])).values,
    gives: [3, 6],
  },
  {
    name: 'env is told, as far as it is data',
    play: async (stage) => {
      const env = { who: { names: ['a', 'b'], since: 1n }, call: () => 1 }
      return (await stage.run({ coro: 'fromEnv' }, [0, 1], { env })).values
    },
    gives: [0, 1].map(() => ({ names: ['a', 'b'], since: 1n })),
  },
  {
    name: 'meta is told, and what comes of an item inherits it',
    play: async (stage) => (await stage.run(facts('meta'), [0], { meta: { trace: 'x', at: [1] } })).outputs,
    gives: [{ ...OUT, value: { meta: { trace: 'x', at: [1] } }, meta: { trace: 'x', at: [1] } }],
  },
  {
    name: 'what is emitted leaves by its port, with meta of its own, before what is returned',
    play: async (stage) => (await stage.run({ coro: 'emits' }, [1], { meta: { trace: 'x' } })).outputs,
    gives: [
      { node: 'work', port: 'left', value: [1, 'left'], meta: { trace: 'x', by: 'emit' } },
      { node: 'work', port: 'right', value: [1, 'right'], meta: { trace: 'x' } },
      { ...OUT, value: 1, meta: { trace: 'x' } },
    ],
  },
  {
    name: 'what is emitted goes to the successors on its port',
    play: async (stage) => {
      const graph = {
        in: ['work'],
        work: [
          { to: 'l', port: 'left' },
          { to: 'r', port: 'right' },
        ],
      }
      const nodes = { in: { coro: 'std.inlet' }, work: { coro: 'emits' }, l: { coro: 'same' }, r: { coro: 'same' } }
      const { outputs } = await stage.run({ nodes, graph }, [1, 2])
      return outputs.length
    },
    gives: 4,
    loose: true, // two leaves
  },
  {
    name: 'a call may emit and give nothing else',
    play: async (stage) => (await stage.run({ coro: 'onlyEmits' }, [1, 2])).outputs,
    gives: [1, 2].map((value) => ({ node: 'work', port: 'left', value, meta: {} })),
  },
  {
    name: 'what a call has emitted that fails goes nowhere',
    play: async (stage) => {
      const retry = { attempts: 2, minDelayMs: 0 }
      return (await stage.run({ coro: 'emitsAndFails', properties: { retry } }, ['a'])).values
    },
    gives: [['a', 2], 'a'],
  },
  {
    name: 'an item has a key, the same for all attempts and another one than every other item',
    play: async (stage) => {
      const retry = { attempts: 2, minDelayMs: 0 }
      const { values, notes } = await stage.run({ coro: 'keys', properties: { retry } }, [7, 7])
      const [first, again, second] = notes
      return [notes.length, first === again, first === second, values[0] === first, new Set(values).size]
    },
    gives: [4, true, false, true, 2],
    loose: true, // another run, other keys
  },
  {
    name: 'what is logged arrives at its level',
    play: async (stage) => (await stage.run({ coro: 'logs' }, ['a'])).notes,
    gives: ['debug', 'info', 'warn', 'error'].map((level) => ({ level, message: `at ${level}`, note: [level, 'a'] })),
  },
  {
    name: 'what is logged has undefined where it was',
    play: async (stage) => (await stage.run({ coro: 'logsHoles' }, [0])).notes,
    gives: [[undefined, 1, undefined]],
  },
  {
    name: 'env has undefined where it was',
    play: async (stage) =>
      (await stage.run({ coro: 'fromEnv' }, [0], { env: { who: [undefined, 1, undefined] } })).values,
    gives: [[undefined, 1, undefined]],
  },
  {
    name: 'a signal is not aborted where nobody was told to stop',
    play: async (stage) => (await stage.run({ coro: 'isAborted' }, [0])).values,
    gives: [false],
  },
  {
    name: 'the index in a source is that of the next output',
    play: async (stage) => (await stage.run(alone({ coro: 'yielding', args: { count: 3 } }))).values,
    gives: [
      [0, 0],
      [1, 1],
      [2, 2],
    ],
  },
]
