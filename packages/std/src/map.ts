import type { CoroDefinition } from '@pipelines/core/coro'
import { argsOf } from './args.js'
import type { Named } from './function-arg.js'
import { perItem } from './per-item.js'

/** Gives what a function makes of each item. A function of the coroMap can be a node by itself; this one has hooks. */
export const map: CoroDefinition<unknown> = perItem({
  does: 'Gives what `fn` gives, as if `fn` were the coroutine of the node.',
  fn: 'Called for each item, as `fn(value, ctx)`.',
  run(value, ctx) {
    const { fn } = argsOf<{ readonly fn: Named }>(ctx)
    return fn(value, ctx)
  },
})
