import { line, type Scenario } from './executor-suite-scenario.js'

const worker = { index: 0, count: 1, active: 0 }
const failed = (phase: string): unknown => [
  'failed',
  { node: 'work', attempts: 1, phase },
  { name: 'TypeError', message: `no ${phase}`, class: 'TypeError' },
]

/** What runs beside the calls for items. */
export const HOOKS: readonly Scenario[] = [
  {
    name: 'setup, flush and teardown run once, around all items, with one state',
    play: async (stage) => {
      const { values, notes } = await stage.run({ coro: 'adding', args: { a: 1 } }, [1, 2, 3])
      return [values, notes]
    },
    gives: [
      [6],
      [
        ['setup', 'work', { a: 1 }, worker],
        ['teardown', { sum: 6 }, null],
      ],
    ],
  },
  {
    name: 'what gathers is set up and flushed though there is no item',
    play: async (stage) => {
      const { values, notes } = await stage.run({ coro: 'adding' }, [])
      return [values, notes]
    },
    gives: [
      [0],
      [
        ['setup', 'work', {}, worker],
        ['teardown', { sum: 0 }, null],
      ],
    ],
  },
  {
    name: 'what does not gather is not set up where there is no item',
    play: async (stage) => (await stage.run({ coro: 'counting' }, [])).notes,
    gives: [],
  },
  {
    name: 'hooks may take their time, and flush may give several outputs',
    play: async (stage) => {
      const { outputs, notes } = await stage.run({ coro: 'addingLater' }, [1, 2])
      return [outputs, notes]
    },
    gives: [
      [
        { node: 'work', port: 'out', value: 1, meta: {} },
        { node: 'work', port: 'out', value: 3, meta: {} },
        { node: 'work', port: 'out', value: 'sum', meta: {} },
        { node: 'work', port: 'left', value: 3, meta: {} },
        { node: 'work', port: 'out', value: 3, meta: {} },
      ],
      [['teardown', null]],
    ],
  },
  {
    name: 'each worker has a state of its own, and is torn down once if it was set up',
    play: async (stage) => {
      const { values, notes } = await stage.run({ coro: 'counting', properties: { workers: 3 } }, [1, 2, 3, 4, 5, 6])
      const of = (hook: string): readonly unknown[][] => (notes as unknown[][]).filter(([name]) => name === hook)
      const indexes = (hook: string): unknown[] => of(hook).map(([, index]) => index)
      const counted = of('teardown').reduce((all, [, , count]) => all + Number(count), 0)
      const isSame = String(indexes('setup').toSorted()) === String(indexes('teardown').toSorted())
      return [values, isSame, new Set(indexes('setup')).size === of('setup').length, counted]
    },
    gives: [[1, 2, 3, 4, 5, 6], true, true, 6],
    loose: true, // which workers were free
  },
  {
    name: 'ctx.worker.active counts the other workers that are set up and not torn down',
    play: async (stage) => {
      const { pipeline, noted, ended } = await stage.start({ coro: 'active', properties: { workers: 3 } })
      await noted('run', 3)
      for (const n of [1, 2, 3]) await pipeline.put(n)
      const { notes } = await ended()
      const of = (hook: string): unknown[] => (notes as unknown[][]).flatMap(([name, n]) => (name === hook ? [n] : []))
      return [of('setup').toSorted()[0], of('teardown').toSorted()]
    },
    gives: [0, [0, 1, 2]],
    loose: true, // whether they are set up one after the other
  },
  {
    name: 'state and what flush gives may be null, and what teardown emits or gives goes nowhere',
    play: async (stage) => {
      const { values, notes } = await stage.run({ coro: 'nullAtEnd' }, [1])
      return [values, notes]
    },
    gives: [[[null], null], ['teardown']],
  },
  {
    name: 'a node behind gets what flush gives, and then ends',
    play: async (stage) =>
      (await stage.run(line({ work: { coro: 'adding' }, after: { coro: 'adding' } }), [1, 2])).values,
    gives: [3],
    loose: true, // both tell of their hooks
  },
  ...(['setup', 'run', 'flush', 'teardown'] as const).map(
    (hook): Scenario => ({
      name: `${hook} that fails ends the run`,
      play: async (stage) => {
        const { outcome, error } = await stage.run({ coro: 'hooked', args: { fails: hook } }, [1])
        return [outcome, error?.['details'], error?.['cause']]
      },
      gives: failed(hook),
      loose: true, // what the last items give as the run fails
    }),
  ),
  {
    name: 'a failure of setup ends the run though items that fail are skipped, is told once, and nothing is torn down',
    play: async (stage) => {
      const work = { coro: 'hooked', args: { fails: 'setup' }, properties: { onError: 'skip' } } as const
      const { outcome, notes, errors } = await stage.run(work, [1])
      return [outcome, notes, errors.length]
    },
    gives: ['failed', ['setup'], 1],
    loose: true, // whether the item was taken before
  },
  {
    name: 'teardown is told what ended the run',
    play: async (stage) => {
      const { pipeline, settled } = await stage.start(line({ work: { coro: 'counting' }, after: { coro: 'fails' } }))
      await pipeline.put('text')
      return (await settled()).notes
    },
    gives: [
      ['setup', 0],
      ['teardown', 0, 1, { name: 'PipelineError', message: 'Node "after" failed after 1 attempt: a text.' }],
    ],
    loose: true, // what was in progress
  },
  ...(['setup', 'run', 'flush', 'teardown'] as const).map(
    (hook): Scenario => ({
      name: `${hook} that waits is told of doomsday`,
      play: async (stage) => {
        const { pipeline, noted, settled } = await stage.start({ coro: 'hooked', args: { waits: hook } })
        await pipeline.put(1)
        pipeline.end()
        await noted('waits')
        void pipeline.doomsday('enough')
        const { outcome, reason, notes, abandoned } = await settled()
        return [outcome, reason, notes.filter(Array.isArray), abandoned]
      },
      gives: ['doomed', 'enough', [['told', 'enough']], []],
      loose: hook === 'setup', // whether the item was taken before
    }),
  ),
]
