import { type CoroDefinition, DROP, isThenable } from '@pipelines/core/coro'
import { argsOf } from './args.js'
import { type Named, refuseGenerator } from './function-arg.js'
import { perItem } from './per-item.js'

/** Keeps the items that a function says yes to. */
export const filter: CoroDefinition<unknown> = perItem({
  does: 'Passes on the items for which `fn` gives something truthy, or a promise of that.',
  fn: 'Whether to keep an item: `fn(value, ctx)`.',
  run(value, ctx) {
    const { fn } = argsOf<{ readonly fn: Named }>(ctx)
    const answer = fn(value, ctx)
    return isThenable(answer) ? answer.then((late) => kept(value, late)) : kept(value, answer)
  },
})

function kept(value: unknown, answer: unknown): unknown {
  refuseGenerator(answer)
  return answer ? value : DROP
}
