import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema } from './args.js'
import { partsOf } from './parts.js'

/** Gives what a join hands over, as a list or with names. */
export const zip: CoroDefinition<unknown> = defineCoro({
  kind: 'map',
  args: argsSchema('For a join: gives its parts as a list, or as an object.', {
    names: {
      type: 'array',
      items: { type: 'string' },
      minItems: 1,
      uniqueItems: true,
      description: 'The keys of that object, one for each input, in the order of the inputs.',
    },
  }),
  run(tuple: unknown, ctx: Context) {
    const { names } = argsOf<{ readonly names?: readonly string[] }>(ctx)
    const parts = partsOf(tuple, 'std.zip')
    if (names === undefined) return parts
    if (names.length !== parts.length)
      throw new TypeError(`"std.zip" has ${names.length} names for ${parts.length} inputs. Give one for each.`)
    // As own keys, whatever they are: `__proto__` is one like any other.
    return Object.fromEntries(names.map((name, place) => [name, parts[place]]))
  },
})
