import type { Coro, CoroDefinition } from '@pipelines/core'
import { Flow } from './flow.js'
import type { NodeOptions } from './stage.js'

/**
 * Begins a flow with a coroutine that is a source: a ready one, or one of your own.
 *
 * @example
 * const lines = source<string>('std.read', { path: 'access.log' }).filter(isError)
 */
export function source<T = unknown>(
  coro: `std.${string}` | Coro | CoroDefinition,
  args: Readonly<Record<string, unknown>> = {},
  options: NodeOptions = {},
): Flow<T> {
  const label = typeof coro === 'string' ? (coro.split('.').at(-1) ?? coro) : 'source'
  return new Flow({ kind: 'work', label, coro, args, options, inputs: [] })
}
