import { type CoroDefinition, DROP, isThenable } from '@pipelines/core/coro'
import { argsOf } from './args.js'
import { type Named, refuseGenerator } from './function-arg.js'
import { perItem } from './per-item.js'

/** Does something with each item, and gives nothing. */
export const each: CoroDefinition<unknown> = perItem({
  does: 'Calls `fn`, waits for what it does, and has no output.',
  fn: 'What to do with an item: `fn(value, ctx)`.',
  run(value, ctx) {
    const { fn } = argsOf<{ readonly fn: Named }>(ctx)
    const answer = fn(value, ctx)
    return isThenable(answer) ? answer.then(nothing) : nothing(answer)
  },
})

function nothing(answer: unknown): typeof DROP {
  refuseGenerator(answer)
  return DROP
}
