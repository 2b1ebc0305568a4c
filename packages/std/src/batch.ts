import { type Context, type CoroDefinition, DROP, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema, countArg } from './args.js'

interface Batch {
  items: unknown[]
}

/** Gathers items into lists. */
export const batch: CoroDefinition<unknown, Batch> = defineCoro({
  kind: 'map',
  args: argsSchema(
    'Gives lists of `size` items, the last one shorter. Each worker fills lists of its own.',
    { size: countArg(1, 'Items in a list.') },
    ['size'],
  ),
  setup: (): Batch => ({ items: [] }),
  run(value: unknown, ctx: Context<Batch>) {
    const { state } = ctx
    state.items.push(value)
    if (state.items.length < argsOf<{ readonly size: number }>(ctx).size) return DROP
    return takeFrom(state)
  },
  flush: ({ state }: Context<Batch>) => (state.items.length > 0 ? takeFrom(state) : undefined),
})

function takeFrom(state: Batch): unknown[] {
  const { items } = state
  state.items = []
  return items
}
