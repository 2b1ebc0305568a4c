import { type Context, type CoroDefinition, DROP, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema, countArg } from './args.js'

/** Leaves out the first items. */
export const skip: CoroDefinition<unknown> = defineCoro({
  kind: 'map',
  args: argsSchema('Leaves out the first `count` items.', { count: countArg(0, 'How many items to leave out.') }, [
    'count',
  ]),
  run: (value: unknown, ctx: Context) => (ctx.index < argsOf<{ readonly count: number }>(ctx).count ? DROP : value),
})
