import { setTimeout as sleep } from 'node:timers/promises'
import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema } from './args.js'

/** Longest that a timer can wait, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1

/** Passes items on after a while. */
export const delay: CoroDefinition<unknown> = defineCoro({
  kind: 'map',
  args: argsSchema(
    'Passes each item on `ms` milliseconds later. So many items wait at once as the node has workers.',
    { ms: { type: 'number', minimum: 0, maximum: LONGEST_MS, description: 'Milliseconds.' } },
    ['ms'],
  ),
  run: (value: unknown, ctx: Context) => sleep(argsOf<{ readonly ms: number }>(ctx).ms, value, { signal: ctx.signal }),
})
