import {
  type Context,
  type CoroDefinition,
  DROP,
  isGenerator,
  isThenable,
  iteratorOf,
  show,
} from '@pipelines/core/coro'
import { argsOf } from './args.js'
import { Elements } from './elements.js'
import type { Named } from './function-arg.js'
import { perItem } from './per-item.js'

interface FlatMapArgs {
  readonly fn: Named
  readonly elementIndex?: boolean
}

/** Gives the parts of what a function makes of each item, one by one. */
export const flatMap: CoroDefinition<unknown> = perItem({
  does: 'Gives one by one what is in the list that `fn` gives, or in anything else that is iterable but a string.',
  fn: 'Gives something iterable, at once or late, or a promise of that: `fn(value, ctx)`.',
  args: {
    elementIndex: {
      type: 'boolean',
      default: false,
      description:
        'Whether each output tells its place in `ctx.meta.elementIndex`: that of the item, and one number more.',
    },
  },
  run(value, ctx) {
    const { fn } = argsOf<FlatMapArgs>(ctx)
    const found = fn(value, ctx)
    return isThenable(found) ? found.then((late) => expanded(late, ctx)) : expanded(found, ctx)
  },
})

/** What the engine draws from one by one. */
function expanded(found: unknown, ctx: Context): unknown {
  if (found === DROP) return DROP
  const iterator = iteratorOf(found)
  if (iterator === undefined)
    throw new TypeError(
      `The function in "fn" gave ${show(found)}, which has no parts. Give a list, a generator or anything else that is iterable but a string; an empty list for no output.`,
    )
  if (argsOf<FlatMapArgs>(ctx).elementIndex) return new Elements(iterator, placed(ctx))
  return isGenerator(iterator) ? iterator : new Elements(iterator)
}

/** Sends each value with its place, in the stead of the value alone. */
function placed(ctx: Context): (value: unknown) => typeof DROP {
  const { elementIndex: known } = ctx.meta
  const outer: readonly unknown[] = Array.isArray(known) ? known : [ctx.index]
  let place = 0
  return (value) => {
    if (value !== DROP) ctx.emit('out', value, { meta: { elementIndex: [...outer, place++] } })
    return DROP
  }
}
