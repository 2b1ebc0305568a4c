import type { Context } from '@pipelines/core/coro'

/** What one arg must look like: a JSON Schema that says what the arg is for. */
export type ArgSchema = Readonly<Record<string, unknown>> & { readonly description: string }

/** What the args of a coroutine must look like. */
export interface ArgsSchema {
  readonly type: 'object'
  /** What the coroutine does, in a sentence. */
  readonly description: string
  readonly properties: Readonly<Record<string, ArgSchema>>
  readonly required: readonly string[]
  readonly additionalProperties: false
  readonly [keyword: string]: unknown
}

/**
 * The schema of args: these, and no others.
 *
 * @param does what the coroutine does, in a sentence
 */
export function argsSchema(
  does: string,
  properties: Readonly<Record<string, ArgSchema>> = {},
  required: readonly string[] = [],
): ArgsSchema {
  return { type: 'object', description: does, properties, required, additionalProperties: false }
}

/** An arg that names a function of the coroMap. In code it may be the function; a list of them it is never. */
export const functionArg = (description: string): ArgSchema => ({ not: { type: 'array' }, description })

/** A number of items. */
export const countArg = (minimum: 0 | 1, description: string): ArgSchema => ({ type: 'integer', minimum, description })

/** The args of a node, in the form that its schema has checked. Defaults are not filled in. */
export function argsOf<T extends object>({ args }: Pick<Context, 'args'>): T {
  return args as T
}
