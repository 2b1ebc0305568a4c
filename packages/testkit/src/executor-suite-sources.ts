import { alone, type Scenario } from './executor-suite-scenario.js'
import type { StageGraph } from './executor-suite-stage.js'

const into = (coro: string, after: string): StageGraph => ({
  nodes: { work: { coro }, after: { coro: after } },
  graph: { work: ['after'] },
})

/** Nodes without inputs. */
export const SOURCES: readonly Scenario[] = [
  {
    name: 'a source may yield undefined, null and DROP',
    play: async (stage) => (await stage.run(into('voids', 'kindOf'))).values,
    gives: ['Undefined', 'Null', 'Number', 'String', 'Boolean'].map((kind) => `[object ${kind}]`),
  },
  {
    name: 'a source that returns something iterable gives what is in it',
    play: async (stage) => (await stage.run(alone({ coro: 'iterable' }))).values,
    gives: ['a', 'b', 'c'],
  },
  {
    name: 'a source that puts gives what it puts, with meta',
    play: async (stage) => (await stage.run(alone({ coro: 'putting', args: { count: 2 } }))).outputs,
    gives: [0, 1].map((n) => ({ node: 'work', port: 'out', value: n, meta: { n } })),
  },
  {
    name: 'a source need not await what it puts',
    play: async (stage) => (await stage.run(alone({ coro: 'puttingAtOnce', args: { count: 5 } }))).values,
    gives: [0, 1, 2, 3, 4],
  },
  {
    name: 'a source may emit',
    play: async (stage) => (await stage.run(alone({ coro: 'emittingSource' }))).outputs,
    gives: [
      { node: 'work', port: 'left', value: 'first', meta: {} },
      { node: 'work', port: 'out', value: 'second', meta: {} },
    ],
  },
  {
    name: 'a source that gives nothing iterable fails the run',
    play: async (stage) => {
      const { outcome, error } = await stage.run(alone({ coro: 'noSource' }))
      return [outcome, error?.['details'], Reflect.get(Object(error?.['cause']), 'code')]
    },
    gives: ['failed', { node: 'work', attempts: 1, phase: 'run' }, 'PLB_CORO_TYPE'],
  },
  {
    name: 'a source that fails ends the run, after what it gave',
    play: async (stage) => {
      const { outcome, error, notes } = await stage.run(alone({ coro: 'brokenSource' }))
      return [outcome, error?.['cause'], notes]
    },
    gives: ['failed', { name: 'RangeError', message: 'broken', class: 'RangeError' }, ['cleaned up']],
    loose: true, // whether what it gave before was handed over when the run failed
  },
  {
    name: 'a source cleans up when nobody wants more of it',
    play: async (stage) => {
      const { outcome, values, notes } = await stage.run(into('endless', 'firstTwo'))
      return [outcome, values, notes]
    },
    gives: ['completed', [1], ['cleaned up']],
    loose: true, // how far it was ahead
  },
  {
    name: 'a source that puts is refused when nobody wants more of it',
    play: async (stage) => {
      const { outcome, values, notes } = await stage.run(into('puttingOn', 'firstTwo'))
      return [outcome, values, notes]
    },
    gives: ['completed', [1], ['cleaned up']],
    loose: true, // how far it was ahead
  },
  {
    name: 'a source ends when the run drains',
    play: async (stage) => {
      const { pipeline, given, settled } = await stage.start(into('endless', 'doubling'))
      await given(1)
      await pipeline.drain()
      const { outcome, notes, unprocessed } = await settled()
      return [outcome, notes, unprocessed]
    },
    gives: ['completed', ['cleaned up'], []],
    loose: true, // how many items there were
  },
]
