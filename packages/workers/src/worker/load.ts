import {
  type Coro,
  type CoroDefinition,
  type CoroOrigin,
  functionOf,
  isCoroDefinition,
  lookUp,
} from '@pipelines/core/coro'
import type { Session } from '../session.js'

/** The coroutine of a node and its args, as they are in this thread or process. */
export interface Loaded {
  readonly coro: CoroDefinition
  readonly args: Readonly<Record<string, unknown>>
}

/** Loads what a session is about. Rejects with what the import of a module rejects with. */
export async function load({ coro, args, references }: Session): Promise<Loaded> {
  const own = await find(coro)
  const complete: Record<string, unknown> = { ...args }
  const lists: Record<string, unknown[]> = {}
  for (const { arg, place, coro: named } of references) {
    const found = functionOf(await find(named))
    if (place === undefined) complete[arg] = found
    else {
      lists[arg] ??= []
      lists[arg][place] = found
    }
  }
  for (const [arg, list] of Object.entries(lists)) complete[arg] = Object.freeze(list)
  return { coro: isCoroDefinition(own) ? own : { run: own }, args: Object.freeze(complete) }
}

async function find({ module, export: name }: CoroOrigin): Promise<Coro | CoroDefinition> {
  const found = lookUp(await import(module), name)
  if (typeof found === 'function' || isCoroDefinition(found)) return found as Coro | CoroDefinition
  throw new TypeError(`The module ${module} has no coroutine ${JSON.stringify(name)} here.`)
}
