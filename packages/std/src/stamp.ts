import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema, countArg } from './args.js'
import { printLine, TARGET, TARGET_ARG, type Target } from './print-line.js'

const LABEL = 'item'
const EVERY = 1

interface StampArgs {
  readonly label?: string
  readonly every?: number
  readonly to?: Target
}

/** Counts items on their way, aloud. */
export const stamp: CoroDefinition<unknown> = defineCoro({
  kind: 'map',
  args: argsSchema('Prints the number of each item, from 1, and passes the item on.', {
    label: { type: 'string', default: LABEL, description: 'What stands before the number.' },
    every: { ...countArg(1, 'Which items print their number: those whose number it divides.'), default: EVERY },
    to: TARGET_ARG,
  }),
  run(value: unknown, ctx: Context) {
    const { label = LABEL, every = EVERY, to = TARGET } = argsOf<StampArgs>(ctx)
    const number = ctx.index + 1
    const printed = number % every === 0 ? printLine(`${label} ${number}`, to, ctx) : undefined
    return printed === undefined ? value : printed.then(() => value)
  },
})
