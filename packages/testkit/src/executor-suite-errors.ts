import type { Scenario } from './executor-suite-scenario.js'

/** What a coroutine may throw, by the way in which `fails` does it, and what the run says of it. */
const THROWN: readonly (readonly [way: string, what: string, cause: unknown])[] = [
  ['error', 'an error', { name: 'TypeError', message: 'a type', class: 'TypeError' }],
  ['rejection', 'a rejection', { name: 'RangeError', message: 'rejected', class: 'RangeError' }],
  [
    'named',
    'an error with a name and properties of its own',
    { name: 'OwnError', message: 'with more', code: 'E_OWN', details: { rows: [1, 2], when: 7n } },
  ],
  [
    'caused',
    'an error with causes',
    {
      ...{ name: 'Error', message: 'outer' },
      cause: { name: 'SyntaxError', message: 'inner', class: 'SyntaxError', cause: 'innermost' },
    },
  ],
  [
    'several',
    'an AggregateError',
    {
      ...{ name: 'AggregateError', message: 'several', class: 'AggregateError' },
      errors: [{ name: 'Error', message: 'one' }, { name: 'RangeError', message: 'two', class: 'RangeError' }, 3],
    },
  ],
  ['text', 'a text in place of an error', 'a text'],
  ['nothing', 'undefined in place of an error', undefined],
  ['null', 'null in place of an error', null],
  ['number', 'a number in place of an error', 42],
  ['object', 'an object in place of an error', { why: 'an object', rows: [1] }],
  [
    'overflow',
    'a stack that overflows',
    { name: 'RangeError', message: 'Maximum call stack size exceeded', class: 'RangeError' },
  ],
  [
    'library',
    'an error of this library',
    {
      ...{ name: 'PipelineError', message: 'Option "x" is mine.', code: 'PLB_OPTION_INVALID', ours: true },
      details: { option: 'x', what: 'is mine' },
    },
  ],
  ['aborted', 'an AbortError though nobody told it to stop', { name: 'AbortError', message: 'nobody told me' }],
]

/** What becomes of errors. */
export const ERRORS: readonly Scenario[] = [
  ...THROWN.map(
    ([way, what, cause]): Scenario => ({
      name: `${what} is the cause of what ends the run`,
      play: async (stage) => {
        const { outcome, error } = await stage.run({ coro: 'fails' }, [way])
        return [outcome, error?.['code'], error?.['cause'], error?.['details']]
      },
      gives: ['failed', 'PLB_NODE_FAILED', cause, { node: 'work', attempts: 1, phase: 'run' }],
    }),
  ),
  {
    name: 'a DOMException is told by its name and message',
    play: async (stage) => {
      const { cause } = (await stage.run({ coro: 'fails' }, ['abort'])).error ?? {}
      return cause
    },
    gives: { name: 'AbortError', message: 'nobody told me' },
  },
  {
    name: 'the stack of an error tells where it was thrown',
    play: async (stage) => {
      const { pipeline, settled } = await stage.start({ coro: 'fails' })
      await pipeline.put('error')
      await settled()
      const { error } = await pipeline.settled
      return error?.cause instanceof Error && /executor-suite-coros/.test(String(error.cause.stack))
    },
    gives: true,
  },
  {
    name: 'items that fail are skipped where they may, and the others go on',
    play: async (stage) => {
      const properties = { onError: 'skip' } as const
      const { values, errors, nodes } = await stage.run({ coro: 'fails', args: { except: 'fine' }, properties }, [
        'text',
        'fine',
        'error',
        'fine',
      ])
      return [values, errors.map(({ cause }) => cause), nodes['work']?.['failed']]
    },
    gives: [['fine', 'fine'], ['a text', { name: 'TypeError', message: 'a type', class: 'TypeError' }], 2],
  },
  {
    name: 'items that fail go by the port "error", with what they were',
    play: async (stage) => {
      const work = { coro: 'fails', args: { except: 'fine' }, properties: { onError: 'route' } } as const
      const nodes = { in: { coro: 'std.inlet' }, work, dead: { coro: 'same' } }
      const graph = { in: ['work'], work: [{ to: 'dead', port: 'error' }] }
      const { outputs } = await stage.run({ nodes, graph }, ['number', 'fine'], { meta: { row: 1 } })
      return outputs.filter((output) => Object(output).node === 'dead')
    },
    gives: [
      {
        ...{ node: 'dead', port: 'out', meta: { row: 1 } },
        value: {
          error: {
            code: 'PLB_NODE_FAILED',
            message: 'Node "work" failed after 1 attempt: 42.',
            node: 'work',
            attempts: 1,
          },
          ...{ input: 'number', meta: { row: 1 } },
        },
      },
    ],
    loose: true, // two leaves
  },
  {
    name: 'more errors than allowed end the run',
    play: async (stage) => {
      const properties = { onError: 'skip', maxErrors: { count: 1, perMs: 60_000 } } as const
      const { outcome, error, values } = await stage.run({ coro: 'fails', properties }, ['text', 'number', 'null'])
      return [outcome, error?.['cause'], values]
    },
    gives: ['failed', 42, []],
    loose: true, // how many were in progress
  },
  {
    name: 'an error ends the run, and what was done before it is kept',
    play: async (stage) => {
      const { outcome, values, error } = await stage.run({ coro: 'fails', args: { except: 'fine' } }, ['fine', 'text'])
      return [outcome, values, error?.['message']]
    },
    gives: ['failed', ['fine'], 'Node "work" failed after 1 attempt: a text.'],
    loose: true, // a leaf may hand over while the run fails
  },
]
