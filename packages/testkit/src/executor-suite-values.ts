import type { Scenario } from './executor-suite-scenario.js'
import { line } from './executor-suite-scenario.js'

const cyclic = (): object => {
  const value: Record<string, unknown> = { n: 1 }
  value['self'] = value
  return value
}
const when = new Date(Date.UTC(2024, 1, 29))

/** Values of each kind that can be copied, by what they are called. */
const COPIED: readonly (readonly [what: string, values: readonly unknown[]])[] = [
  ['texts and numbers', ['', 'ä€😀', '\ud800', 0, -0, 1e308, Number.NaN, Number.POSITIVE_INFINITY]],
  ['null, truth and BigInts', [null, true, false, 0n, -(2n ** 70n)]],
  ['lists and objects, nested', [[], [[1], [[2]]], {}, { a: { b: [{ c: null }] } }, [undefined, { d: undefined }]]],
  ['Maps, Sets and Dates', [new Map([[{ key: 1 }, new Set([1, 'two'])]]), new Set([new Map()]), when]],
  ['typed arrays and buffers', [new Uint8Array([1, 2, 255]), new Float64Array([0.5]), new Uint8Array([7, 8]).buffer]],
  ['regular expressions and errors', [/a+b/giu, new RangeError('as a value')]],
]

/** What goes in and comes out. */
export const VALUES: readonly Scenario[] = [
  ...COPIED.map(
    ([what, values]): Scenario => ({
      name: `${what} come out as they went in`,
      play: async (stage) => (await stage.run({ coro: 'same' }, values)).values,
      gives: values,
    }),
  ),
  ...COPIED.map(
    ([what, values]): Scenario => ({
      name: `${what} are seen as what they are by a coroutine`,
      play: async (stage) => (await stage.run({ coro: 'kindOf' }, values)).values,
      gives: values.map((value) => Object.prototype.toString.call(value)),
    }),
  ),
  {
    name: 'a value that contains itself still does',
    play: async (stage) => (await stage.run({ coro: 'knowsItself' }, [cyclic()])).values,
    gives: [{ n: 1, self: true }],
  },
  {
    name: 'a promise is awaited',
    play: async (stage) => (await stage.run({ coro: 'later' }, [1, null, 'three'])).values,
    gives: [1, null, 'three'],
  },
  {
    name: 'whatever has a method `then` is awaited',
    play: async (stage) => (await stage.run({ coro: 'thenable' }, [1, null])).values,
    gives: [1, null],
  },
  {
    name: 'DROP is no output',
    play: async (stage) => (await stage.run({ coro: 'odd' }, [1, 2, 3, 4])).values,
    gives: [1, 3],
  },
  {
    name: 'undefined is no output at a leaf',
    play: async (stage) => (await stage.run({ coro: 'oddOrNothing' }, [1, 2, 3, 4])).values,
    gives: [1, 3],
  },
  {
    name: 'undefined is an output elsewhere',
    play: async (stage) =>
      (await stage.run(line({ work: { coro: 'oddOrNothing' }, after: { coro: 'kindOf' } }), [1, 2])).values,
    gives: ['[object Number]', '[object Undefined]'],
  },
  {
    name: 'undefined is an input',
    play: async (stage) => (await stage.run({ coro: 'kindOf' }, [undefined, 1])).values,
    gives: ['[object Undefined]', '[object Number]'],
  },
  {
    name: 'a thousand items come out in the order in which they went in',
    play: async (stage) => {
      const { values, nodes } = await stage.run(
        { coro: 'numbers.double' },
        Array.from({ length: 1000 }, (_, n) => n),
      )
      return [values.length, values.every((value, n) => value === 2 * n), nodes['work']?.['completed']]
    },
    gives: [1000, true, 1000],
  },
  {
    name: 'a node without items ends like any other',
    play: async (stage) => (await stage.run({ coro: 'same' }, [])).outcome,
    gives: 'completed',
  },
]
