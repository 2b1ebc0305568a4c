import type { Context, Coro } from '@pipelines/core'
import { assertItems, from, type Items } from '../from.js'
import { as, broadcast, by, parallel, Step, seq, serial, step, zip } from './members.js'

/** A function of an item, of what else there may be, and of the context. */
export type Called = (item: never, ...more: never[]) => unknown

/** What a function takes between the item and the context. */
export type MoreOf<F extends Called> =
  Parameters<F> extends readonly [unknown?, ...infer More]
    ? More extends readonly [...infer Before, Context]
      ? Before
      : More
    : never

/** Gives the items of an iterable, an async iterable or a stream. */
export function iter(items: Items<unknown>): Step {
  assertItems(items)
  return new Step('iter', from(items, false))
}

/** Gives one value again and again: so many times, or until nobody wants more. */
export function constant(item: unknown, count?: number): Step {
  return new Step('constant', 'std.const', { args: { value: item, ...(count !== undefined && { count }) } })
}

/** Calls a function with every item, and with what follows it here; what it gives goes on. */
export function map<F extends Called>(fn: F, ...more: MoreOf<F>): Step {
  return new Step('map', withMore(fn, more))
}

/** Lets items pass for which a function, called like that of {@link map}, gives, or promises, something truthy. */
export function filter<F extends Called>(fn: F, ...more: MoreOf<F>): Step {
  return new Step('filter', 'std.filter', {}, { fn: withMore(fn, more) })
}

/** Puts so many items together. The last batch may be smaller. */
export function batch(size = 64): Step {
  return new Step('batch', 'std.pass', { batch: { size, returns: 'one' } })
}

/** Prints each item in a line of its own and passes it on. */
export function print(prefix?: string): Step {
  return new Step('print', 'std.print', prefix === undefined ? {} : { args: { prefix } })
}

/** Prints the number of each item, from 1, and passes the item on. */
export function stamp(label = 'Processing item'): Step {
  return new Step('stamp', 'std.stamp', { args: { label } })
}

/** Gives a file line by line, or as `format` says; without a path, that of each file whose path comes. */
export function read(path?: string, options: Readonly<Record<string, unknown>> = {}): Step {
  return new Step('read', 'std.read', { args: { ...(path !== undefined && { path }), ...options } })
}

/** Writes each item to a file and passes it on. The file is there when all is written. */
export function write(path: string, options: Readonly<Record<string, unknown>> = {}): Step {
  return new Step('write', 'std.write', { args: { path, ...options } })
}

const READY: ReadonlySet<unknown> = new Set([
  ...[iter, constant, map, filter, batch, print, stamp, read, write],
  ...[serial, parallel, broadcast, seq, zip, as, by, step],
])

/** Whether a function makes a member, and is none. */
export const isReady = (value: unknown): boolean => READY.has(value)

/** The function itself where nothing follows the item: it may be one that workers can load. */
function withMore(fn: Called, more: readonly unknown[]): Coro {
  if (more.length === 0) return fn as Coro // called with an item and the context
  const called = (item: never, context: Context): unknown => Reflect.apply(fn, undefined, [item, ...more, context])
  return Object.defineProperty(called, 'name', { value: fn.name })
}
