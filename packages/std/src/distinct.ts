import { type Context, type CoroDefinition, DROP, defineCoro, isThenable } from '@pipelines/core/coro'
import { argsOf, argsSchema, functionArg } from './args.js'
import type { Named } from './function-arg.js'
import { onlyWorker } from './only-worker.js'

/** Keys that there have been. */
type Seen = Set<unknown>

/** Leaves out what has been there before. */
export const distinct: CoroDefinition<unknown, Seen> = defineCoro({
  kind: 'map',
  args: argsSchema('Leaves out items whose key has been there before. Keys are compared as in a `Set`, and kept.', {
    fn: functionArg('The key of an item, or a promise of it: `fn(value, ctx)`. By default the item itself.'),
  }),
  refs: ['fn'],
  setup(ctx): Seen {
    onlyWorker(ctx, 'remembers what has been there')
    return new Set()
  },
  run(value: unknown, ctx: Context<Seen>) {
    const { fn } = argsOf<{ readonly fn?: Named }>(ctx)
    const { state } = ctx
    const key = fn === undefined ? value : fn(value, ctx)
    return isThenable(key) ? key.then((late) => firstWith(late, value, state)) : firstWith(key, value, state)
  },
})

function firstWith(key: unknown, value: unknown, seen: Seen): unknown {
  if (seen.has(key)) return DROP
  seen.add(key)
  return value
}
