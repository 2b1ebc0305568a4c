import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema, countArg } from './args.js'
import { onlyWorker } from './only-worker.js'

/** Passes on the first items, and wants no more: what lies before it stops. */
export const take: CoroDefinition<AsyncIterable<unknown>> = defineCoro({
  kind: 'stream',
  args: argsSchema(
    'Passes on the first `count` items and ends its input.',
    { count: countArg(0, 'Most items to pass on.') },
    ['count'],
  ),
  setup: (ctx) => onlyWorker(ctx, 'counts what it passes on'),
  async *run(inputs: AsyncIterable<unknown>, ctx: Context) {
    let left = argsOf<{ readonly count: number }>(ctx).count
    if (left === 0) return
    for await (const value of inputs) {
      yield value
      if (--left === 0) return
    }
  },
})
