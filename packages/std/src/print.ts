import { inspect } from 'node:util'
import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema } from './args.js'
import { printLine, TARGET, TARGET_ARG, type Target } from './print-line.js'

interface PrintArgs {
  readonly prefix?: string
  readonly to?: Target
}

/** Prints items on their way. */
export const print: CoroDefinition<unknown> = defineCoro({
  kind: 'map',
  args: argsSchema('Prints each item in a line of its own, texts as they are, and passes it on.', {
    prefix: { type: 'string', default: '', description: 'What each line begins with.' },
    to: TARGET_ARG,
  }),
  run(value: unknown, ctx: Context) {
    const { prefix = '', to = TARGET } = argsOf<PrintArgs>(ctx)
    const printed = printLine(prefix + textOf(value), to, ctx)
    return printed === undefined ? value : printed.then(() => value)
  },
})

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : inspect(value, { compact: true, breakLength: Number.POSITIVE_INFINITY })
