import { type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { argsSchema } from './args.js'

/** Passes everything on: a place for properties of nodes, such as `batch`, and for fan-in. */
export const pass: CoroDefinition<unknown> = defineCoro({
  kind: 'map',
  args: argsSchema(
    'Passes on what it gets: items, or the lists that the properties `batch` and `window` make of them.',
  ),
  run: (value) => value,
})
