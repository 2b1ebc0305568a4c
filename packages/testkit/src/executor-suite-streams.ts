import { line, type Scenario } from './executor-suite-scenario.js'

/** Coroutines that consume their input as one. */
export const STREAMS: readonly Scenario[] = [
  {
    name: 'a stream gives what it yields',
    play: async (stage) => (await stage.run({ coro: 'doubling' }, [1, 2, 3])).values,
    gives: [2, 4, 6],
  },
  {
    name: 'a stream consumes what a join gives',
    play: async (stage) => {
      const nodes = { in: { coro: 'std.inlet' }, a: { coro: 'same' }, b: { coro: 'numbers.double' } }
      const graph = { in: ['a', 'b'], a: ['work'], b: ['work'], work: ['after'] }
      const rest = { work: { coro: 'consuming' }, after: { coro: 'sum' } }
      return (await stage.run({ nodes: { ...nodes, ...rest }, graph }, [1, 2])).values
    },
    gives: [3, 6],
  },
  {
    name: 'a stream that is checked gives the same',
    play: async (stage) => (await stage.run({ coro: 'checkedStream' }, [1, 2, 3], { validate: true })).values,
    gives: [2, 4, 6],
  },
  {
    name: 'a stream over many items keeps their order',
    play: async (stage) => {
      const input = Array.from({ length: 500 }, (_, n) => n)
      const { values } = await stage.run({ coro: 'doubling', properties: { queueSize: 4 } }, input)
      return [values.length, values.every((value, n) => value === 2 * n)]
    },
    gives: [500, true],
  },
  {
    name: 'a stream gives what it returns, when its input has ended',
    play: async (stage) => (await stage.run({ coro: 'total' }, [1, 2, 3])).values,
    gives: [6],
  },
  {
    name: 'a stream without input runs to its end',
    play: async (stage) => (await stage.run({ coro: 'total' }, [])).values,
    gives: [0],
  },
  {
    name: 'a stream is told what belongs to the input in hand, and emits with its meta',
    play: async (stage) => {
      const { outputs, notes } = await stage.run({ coro: 'streamFacts' }, [5, 6], { meta: { a: 0 } })
      return [outputs, notes]
    },
    gives: [
      [5, 6].flatMap((n, index) => [
        { node: 'work', port: 'out', value: [n, index, { a: 0 }, 'state', 0], meta: { a: 0 } },
        { node: 'work', port: 'left', value: n, meta: { a: 0, by: 'emit' } },
      ]),
      ['over', ['teardown', null]],
    ],
  },
  {
    name: 'a stream that returns early ends what feeds only it',
    play: async (stage) => {
      const { outcome, values } = await stage.run({ coro: 'firstTwo' }, [1, 2, 3, 4])
      return [outcome, values]
    },
    gives: ['completed', [3]],
    loose: true, // how many had come
  },
  {
    name: 'a stream consumes several inputs merged by arrival',
    play: async (stage) => {
      const nodes = { a: { coro: 'std.inlet' }, b: { coro: 'std.inlet' } }
      const work = { coro: 'doubling', properties: { aggregateInputs: false } }
      const graph = { a: ['work'], b: ['work'] }
      const { values } = await stage.run({ nodes: { ...nodes, work }, graph }, { a: [1, 2], b: [3] })
      return values.toSorted()
    },
    gives: [2, 4, 6],
    loose: true, // who comes first
  },
  {
    name: 'instances of a stream share its input',
    play: async (stage) => {
      const { values } = await stage.run({ coro: 'doubling', properties: { workers: 2 } }, [1, 2, 3, 4, 5])
      return values.toSorted((a, b) => Number(a) - Number(b))
    },
    gives: [2, 4, 6, 8, 10],
    loose: true, // which of them takes what
  },
  {
    name: 'a stream that fails ends the run with its error',
    play: async (stage) => {
      const { outcome, error } = await stage.run({ coro: 'breaking' }, [1, 2, 3, 4])
      return [outcome, error?.['details'], error?.['cause']]
    },
    gives: [
      'failed',
      { node: 'work', attempts: 1, phase: 'run' },
      { name: 'RangeError', message: 'broken', class: 'RangeError' },
    ],
    loose: true, // what is handed over as the run fails
  },
  {
    name: 'a stream cleans up when nobody wants more of it',
    play: async (stage) => {
      const graph = line({ work: { coro: 'consuming' }, after: { coro: 'firstTwo' } })
      const { pipeline, noted, settled } = await stage.start(graph)
      for (const n of [1, 2]) await pipeline.put(n)
      await noted('cleaned up')
      const { outcome, values } = await settled()
      return [outcome, values]
    },
    gives: ['completed', [3]],
    loose: true, // how many had come
  },
  {
    name: 'a stream that waits for input is told of doomsday',
    play: async (stage) => {
      const { pipeline, given, noted, settled } = await stage.start({ coro: 'consuming' })
      await pipeline.put(1)
      await Promise.all([given(1), noted('took')])
      void pipeline.doomsday('enough')
      const { outcome, notes, values, abandoned } = await settled()
      return [outcome, notes, values, abandoned]
    },
    gives: ['doomed', [['took', 1], 'cleaned up'], [1], []],
    loose: true, // whether it had asked for the next one
  },
]
