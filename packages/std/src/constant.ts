import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema, countArg } from './args.js'

interface ConstantArgs {
  readonly value: unknown
  readonly count?: number
}

/** Gives one value again and again. */
export const constant: CoroDefinition<unknown> = defineCoro({
  kind: 'source',
  args: argsSchema(
    'Gives the same value again and again.',
    {
      value: { description: 'The value; all outputs are the same one, not copies.' },
      count: countArg(0, 'How often; where it is left out, until nobody wants more.'),
    },
    ['value'],
  ),
  *run(_output: unknown, ctx: Context) {
    const { value, count = Number.POSITIVE_INFINITY } = argsOf<ConstantArgs>(ctx)
    for (let given = 0; given < count; given++) yield value
  },
})
