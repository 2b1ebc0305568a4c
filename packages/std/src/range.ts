import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { type ArgSchema, argsOf, argsSchema } from './args.js'

const START = 0
const STEP = 1

interface RangeArgs {
  readonly start?: number
  readonly end: number
  readonly step?: number
}

/** Beyond these numbers, not every integer is one. */
const EXACT = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER } as const
const integer = (description: string): ArgSchema => ({ type: 'integer', ...EXACT, description })

/** Counts. */
export const range: CoroDefinition<unknown> = defineCoro({
  kind: 'source',
  args: argsSchema(
    'Counts from `start` up to `end`, which is not given itself.',
    {
      start: { ...integer('The first number.'), default: START },
      end: integer('Where to stop: the first number that is not given.'),
      step: { ...integer('From one number to the next; below zero it counts down.'), not: { const: 0 }, default: STEP },
    },
    ['end'],
  ),
  *run(_output: unknown, ctx: Context) {
    const { start = START, end, step = STEP } = argsOf<RangeArgs>(ctx)
    // Counted, not compared: with large numbers and a small step, `n + step` may be `n`.
    const count = Math.ceil((end - start) / step)
    for (let place = 0; place < count; place++) yield start + place * step
  },
})
