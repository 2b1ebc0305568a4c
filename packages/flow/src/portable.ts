import { type CoroOrigin, lookUp, namesIn } from '@pipelines/core'

/** Where a coroutine can be loaded, and the module that it came with. */
export interface PortableOrigin extends CoroOrigin {
  readonly namespace: object
}

const origins = new WeakMap<object, PortableOrigin>()

/**
 * Notes where the coroutines that a module exports can be loaded again, so that threads and processes can run them. The
 * URL names the file that these load: where Node cannot load TypeScript, the built one. Gives the same module back.
 *
 * @example
 * import * as work from './work.js'
 * portable(work, new URL('./work.js', import.meta.url))
 * const sizes = await flow(files).map(work.sizeOf, { executor: 'thread', workers: 2 }).toArray()
 */
export function portable<T extends object>(namespace: T, url: URL | string): T {
  for (const name of namesIn(namespace)) {
    const coro = lookUp(namespace, name)
    if (isObject(coro) && !origins.has(coro)) origins.set(coro, { module: String(url), export: name, namespace })
  }
  return namespace
}

/** Where a coroutine can be loaded, if {@link portable} has noted that. */
export function originOf(coro: object): PortableOrigin | undefined {
  return origins.get(coro)
}

const isObject = (value: unknown): value is object =>
  typeof value === 'function' || (typeof value === 'object' && value !== null)
