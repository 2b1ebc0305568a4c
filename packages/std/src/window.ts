import { type Context, type CoroDefinition, DROP, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema, countArg } from './args.js'

const STEP = 1

interface WindowArgs {
  readonly size: number
  readonly step?: number
  readonly partial?: boolean
}

/** Where a worker is. */
interface Sliding {
  held: unknown[]
  /** How many of those have been in no window yet. */
  fresh: number
  /** Items to pass over before the next window begins. */
  gap: number
}

/** Slides a window over the items. */
export const window: CoroDefinition<unknown, Sliding> = defineCoro({
  kind: 'map',
  args: argsSchema(
    'Gives lists of `size` consecutive items, each list `step` items further on. Each worker has a window of its own.',
    {
      size: countArg(1, 'Items in a window.'),
      step: { ...countArg(1, 'How much further on the next window begins.'), default: STEP },
      partial: {
        type: 'boolean',
        default: false,
        description: 'Whether the last items, if they were in no window, make an incomplete one.',
      },
    },
    ['size'],
  ),
  setup: (): Sliding => ({ held: [], fresh: 0, gap: 0 }),
  run(value: unknown, ctx: Context<Sliding>) {
    const { size, step = STEP } = argsOf<WindowArgs>(ctx)
    const { state } = ctx
    if (state.gap > 0) {
      state.gap--
      return DROP
    }
    state.fresh++
    if (state.held.push(value) < size) return DROP
    const { held } = state
    state.held = held.slice(step)
    state.fresh = 0
    state.gap = Math.max(0, step - size)
    return held
  },
  flush(ctx: Context<Sliding>) {
    const { held, fresh } = ctx.state
    return argsOf<WindowArgs>(ctx).partial && fresh > 0 ? held : undefined
  },
})
