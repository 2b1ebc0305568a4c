import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema } from './args.js'

/** Gives the items of a list. */
export const iter: CoroDefinition<unknown> = defineCoro({
  kind: 'source',
  args: argsSchema(
    'Gives the items of a list that is part of the document.',
    { items: { type: 'array', description: 'The items, in order.' } },
    ['items'],
  ),
  run: (_output: unknown, ctx: Context) => argsOf<{ readonly items: readonly unknown[] }>(ctx).items,
})
