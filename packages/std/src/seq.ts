import { type CoroDefinition, defineCoro, show } from '@pipelines/core/coro'
import { argsSchema } from './args.js'
import { partsOf } from './parts.js'

/** Gives everything that the branches of a join have given, in their order. */
export const seq: CoroDefinition<unknown> = defineCoro({
  kind: 'map',
  args: argsSchema(
    'For a join with `"collect": "all"` and `"missing": "partial"`: gives one by one all that the branches have given for an item, the branches in their order.',
  ),
  run: (tuple) => partsOf(tuple, 'std.seq').flatMap(itemsOf).values(),
})

function itemsOf(branch: unknown): readonly unknown[] {
  if (Array.isArray(branch)) return branch
  throw new TypeError(
    `"std.seq" got ${show(branch)} from a branch, and takes lists. Set "collect": "all" and "missing": "partial".`,
  )
}
