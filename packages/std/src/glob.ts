import { type Context, type CoroDefinition, defineCoro } from '@pipelines/core/coro'
import { argsOf, argsSchema } from './args.js'

interface GlobArgs {
  readonly pattern: string | readonly string[]
  readonly cwd?: string
  readonly absolute?: boolean
  readonly ignore?: string | readonly string[]
  readonly onlyFiles?: boolean
}

const PATTERNS = {
  anyOf: [
    { type: 'string', minLength: 1 },
    { type: 'array', items: { type: 'string', minLength: 1 } },
  ],
}

/** Finds files. */
export const glob: CoroDefinition<unknown> = defineCoro({
  kind: 'source',
  args: argsSchema(
    'Gives the paths that fit a pattern, in the order of their characters.',
    {
      pattern: { ...PATTERNS, description: 'Patterns such as `data/**/*.csv`; `/` is the separator everywhere.' },
      cwd: { type: 'string', minLength: 1, description: 'The folder that patterns begin at: that of the program.' },
      absolute: {
        type: 'boolean',
        description: 'Whether paths begin at the root, and not at `cwd`: `true` where `cwd` is given, else `false`.',
      },
      ignore: { ...PATTERNS, description: 'Patterns of what is left out.' },
      onlyFiles: { type: 'boolean', default: true, description: 'Whether folders are left out.' },
    },
    ['pattern'],
  ),
  async run(_output: unknown, ctx: Context) {
    const { pattern, ignore = [], cwd, absolute = cwd !== undefined, onlyFiles = true } = argsOf<GlobArgs>(ctx)
    const { signal } = ctx
    const { glob: find } = await import('tinyglobby')
    const paths = await find(pattern, {
      ignore,
      absolute,
      onlyFiles,
      expandDirectories: false,
      signal,
      ...(cwd !== undefined && { cwd }),
    })
    return paths.sort()
  },
})
