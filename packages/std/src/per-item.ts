import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { type ArgSchema, argsSchema, functionArg } from './args.js'
import { HOOK_ARGS, HOOK_REFS, setup, teardown } from './hooks.js'

export interface PerItem {
  /** What it does, in a sentence. */
  readonly does: string
  /** What its function is for. */
  readonly fn: string
  /** Further args. */
  readonly args?: Readonly<Record<string, ArgSchema>>
  readonly run: (value: unknown, ctx: Context) => unknown
}

/** Makes a coroutine that calls the function in `fn` for each item, as `fn(value, ctx)`, with hooks for each worker. */
export function perItem({ does, fn, args = {}, run }: PerItem): CoroDefinition<unknown> {
  return defineCoro({
    kind: 'map',
    args: argsSchema(does, { fn: functionArg(fn), ...args, ...HOOK_ARGS }, ['fn']),
    refs: ['fn', ...HOOK_REFS],
    setup,
    run,
    teardown,
  })
}
