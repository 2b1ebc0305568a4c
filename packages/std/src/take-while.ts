import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema, functionArg } from './args.js'
import { type Named, refuseGenerator } from './function-arg.js'
import { onlyWorker } from './only-worker.js'

/** Passes items on up to the first that a function says no to, and wants no more. */
export const takeWhile: CoroDefinition<AsyncIterable<unknown>> = defineCoro({
  kind: 'stream',
  args: argsSchema(
    'Passes items on as long as `fn` gives something truthy, or a promise of that; then it ends its input.',
    { fn: functionArg('Whether to go on: `fn(value, ctx)`.') },
    ['fn'],
  ),
  refs: ['fn'],
  setup: (ctx) => onlyWorker(ctx, 'looks for the first item to stop at'),
  async *run(inputs: AsyncIterable<unknown>, ctx: Context) {
    const { fn } = argsOf<{ readonly fn: Named }>(ctx)
    for await (const value of inputs) {
      const answer = await fn(value, ctx)
      refuseGenerator(answer)
      if (!answer) return
      yield value
    }
  },
})
