import { type CoroDefinition, isThenable } from '@pipelines/core/coro'
import { argsOf } from './args.js'
import { type Named, refuseGenerator } from './function-arg.js'
import { perItem } from './per-item.js'

/** Does something with each item on its way. */
export const tee: CoroDefinition<unknown> = perItem({
  does: 'Calls `fn`, waits for what it does, and passes the item on.',
  fn: 'What to do with an item: `fn(value, ctx)`. What it gives is of no use.',
  run(value, ctx) {
    const { fn } = argsOf<{ readonly fn: Named }>(ctx)
    const answer = fn(value, ctx)
    return isThenable(answer) ? answer.then((late) => passed(value, late)) : passed(value, answer)
  },
})

function passed(value: unknown, answer: unknown): unknown {
  refuseGenerator(answer)
  return value
}
