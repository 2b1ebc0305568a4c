import { type Context, type CoroDefinition, defineCoro, reasonOf, type TeardownReason } from '@pipelines/core/coro'
import { argsOf, argsSchema } from './args.js'
import { execItem } from './exec-item.js'
import { EXEC_ARGS, type ExecArgs, outputName } from './exec-options.js'
import { conflict, isSource } from './role.js'
import { StandingChild } from './standing-child.js'

type State = StandingChild | undefined

/** Runs programs. */
export const exec: CoroDefinition<unknown, State> = defineCoro({
  args: argsSchema(
    'Runs a program for each item, or, where the node has no inputs, once. No shell is involved. An exit code other than 0 is an error, which has `code`, `signal` and the end of `stderr`.',
    EXEC_ARGS,
    ['command'],
  ),
  setup: (ctx: Context): State => {
    const args = argsOf<ExecArgs>(ctx)
    return args.mode === 'standing' ? new StandingChild(args) : undefined
  },
  run(input: unknown, ctx: Context<State>) {
    const args = argsOf<ExecArgs>(ctx)
    const { state, signal } = ctx
    const alone = isSource(input)
    if (state !== undefined) {
      if (alone || (args.input ?? 'stdin') !== 'stdin')
        throw conflict(ctx, 'runs a program that stands and answers lines', 'Give it inputs, and leave "input" out.')
      return state.answer(input, signal).then((line) => answerOf(line, args))
    }
    const item = alone ? undefined : { value: input }
    const output = execItem({ args, item, signal })
    return alone && output instanceof Promise ? output.then((value) => [value]) : output
  },
  // No `flush`, though a program that stands is waited for: where there is one, nodes may not be between a fork and a join.
  teardown({ state, signal }: Context<State>, reason: TeardownReason) {
    const isWell = reason === undefined && !signal.aborted // nobody who leaves early waits for the rest
    return isWell ? state?.finish(signal) : state?.stop()
  },
})

function answerOf(line: string, args: ExecArgs): unknown {
  if (args.output === 'bytes') return Buffer.from(line)
  if (args.output !== 'json' && args.output !== 'ndjson') return line
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new Error(`${outputName(args)} is no JSON: ${reasonOf(error)}.`, { cause: error })
  }
}
