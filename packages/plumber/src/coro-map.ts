import {
  type Coro,
  type CoroDefinition,
  type CoroOrigin,
  entryOf,
  isCoroDefinition,
  isGroup,
  lookUp,
  show,
} from '@pipelines/core'

/**
 * Finds the coroutine for a name: the function, the result of `defineCoro()`, or a promise of either; `undefined` where
 * there is none. Called when the graph is built, once for each place that names one. What it throws becomes the cause of
 * an issue.
 */
export type CoroResolver = (ref: string, node: string) => unknown

/**
 * Coroutines by name. Plain objects, Maps and module namespaces in it are groups: what they hold is named with dots.
 * Only own keys count, and nothing is looked for inside functions, classes and other objects.
 */
export type CoroTable = Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>

/** Everything that coroutines can be found in. In a list the first match wins. */
export type CoroMap = CoroTable | CoroResolver | ModuleCoros | readonly CoroMap[]

/** What was found for a name. It need not be a coroutine. */
export interface CoroEntry {
  readonly value: unknown
  readonly origin?: CoroOrigin
}

/** What a coroutine map is made of, whatever form it was given in. */
interface CoroSource {
  find(ref: string, node: string): Found | Promise<Found>
  /** The names that can be listed. */
  names(): Iterable<string>
}
type Found = CoroEntry | undefined

/** Names that start with this are ready-made coroutines, never looked up in a coroMap. */
const BUILT_IN = 'std.'
/** The value behind `std.inlet`: a source that `put` and `run(input)` feed. */
export const INLET: unique symbol = Symbol('std.inlet')
const BUILT_INS: ReadonlyMap<string, unknown> = new Map([['std.inlet', INLET]])

/** A `coroMap` of any form, ready to be asked. */
export class Coros {
  /** Whether there is a coroMap at all. */
  readonly given: boolean
  /** What is wrong with the coroMap as such. */
  readonly problem: string | undefined
  readonly #sources: readonly CoroSource[]

  constructor(coroMap: unknown) {
    const sources: CoroSource[] = []
    this.given = coroMap !== undefined
    this.problem = this.given ? collect(coroMap, sources) : undefined
    this.#sources = sources
  }

  /** Whether a name is answered without a coroMap. */
  isBuiltIn(ref: string): boolean {
    return ref.startsWith(BUILT_IN)
  }

  /** The entry for a name; a promise only where a source that had to be asked is asynchronous. Throws what it throws. */
  find(ref: string, node: string): Found | Promise<Found> {
    if (!this.isBuiltIn(ref)) return findFrom(this.#sources, ref, node)
    const value = BUILT_INS.get(ref)
    return value === undefined ? undefined : { value }
  }

  /** The names that can be listed, those of resolvers left out; for suggestions and schemas. */
  names(): string[] {
    return [...new Set([...this.#sources.flatMap((source) => [...source.names()]), ...BUILT_INS.keys()])]
  }

  /** What to do where a name leads into something that is not a group, such as a class; `undefined` elsewhere. */
  hint(ref: string): string | undefined {
    const dot = ref.lastIndexOf('.')
    if (dot < 1) return undefined
    const [owner, name] = [ref.slice(0, dot), ref.slice(dot + 1)]
    for (const source of this.#sources) {
      const value = source instanceof TableCoros ? source.find(owner)?.value : undefined
      if (typeof value !== 'function' || !Object.hasOwn(value, name)) continue
      return `${JSON.stringify(owner)} is ${isClass(value) ? 'a class' : 'a function'}, and only plain objects are searched: list its functions, as in { ${name}: ${owner}.${name} }.`
    }
    return undefined
  }
}

/** Whether a function is a class, which cannot be called. */
export function isClass(value: unknown): boolean {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value).slice(0, 6))
}

/** Whether a value is a promise, of any kind. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function'
}

/** Reads a coroMap of any form into sources; returns what is wrong with it. A list that is there twice is read once. */
function collect(coroMap: unknown, sources: CoroSource[]): string | undefined {
  const seen = new Set<unknown>()
  const waiting = [coroMap]
  while (waiting.length > 0) {
    const part = waiting.pop()
    if (!Array.isArray(part)) {
      const problem = addSource(part, sources)
      if (problem !== undefined) return problem
    } else if (!seen.has(part)) {
      seen.add(part)
      for (let place = part.length - 1; place >= 0; place--) waiting.push(part[place])
    }
  }
  return undefined
}

function addSource(part: unknown, sources: CoroSource[]): string | undefined {
  if (isClass(part)) return 'is a class; give an object of its functions'
  if (typeof part === 'function') sources.push(new ResolverCoros(part as CoroResolver))
  else if (isModuleCoros(part)) sources.push(part)
  else if (isGroup(part)) sources.push(new TableCoros(part))
  else return `must be an object, a Map, a function, moduleCoros(…) or a list of these, got ${show(part)}`
  return undefined
}

/** Asks one source after the other, waiting only for those that answer with a promise. */
function findFrom(sources: readonly CoroSource[], ref: string, node: string): Found | Promise<Found> {
  for (const [place, source] of sources.entries()) {
    const found = source.find(ref, node)
    if (isPromise(found)) return found.then((entry) => entry ?? findFrom(sources.slice(place + 1), ref, node))
    if (found !== undefined) return found
  }
  return undefined
}

class ResolverCoros implements CoroSource {
  readonly #resolve: CoroResolver

  constructor(resolve: CoroResolver) {
    this.#resolve = resolve
  }

  find(ref: string, node: string): Found | Promise<Found> {
    const value = this.#resolve(ref, node)
    return isPromise(value) ? Promise.resolve(value).then(toEntry) : toEntry(value)
  }

  names(): readonly string[] {
    return []
  }
}

const toEntry = (value: unknown): Found => (value === undefined || value === null ? undefined : { value })

class TableCoros implements CoroSource {
  readonly #table: object

  constructor(table: object) {
    this.#table = table
  }

  find(ref: string): Found {
    return toEntry(lookUp(this.#table, ref))
  }

  names(): Iterable<string> {
    return namesIn(this.#table)
  }
}

const MODULE = Symbol.for('@pipelines/module-coros')

/** The coroutines that a module exports. Threads and processes can load them too. @see {@link moduleCoros} */
export class ModuleCoros implements CoroSource {
  /** URL of the module. */
  readonly url: string
  #loading: Promise<object> | undefined
  #namespace: object | undefined

  constructor(url: string) {
    this.url = url
    Object.defineProperty(this, MODULE, { value: true })
  }

  /** Synchronous once the module is loaded. Rejects with the error of the import. */
  find(ref: string): Found | Promise<Found> {
    if (this.#namespace !== undefined) return this.#entry(this.#namespace, ref)
    return this.#load().then((namespace) => this.#entry(namespace, ref))
  }

  /** Empty until the module is loaded. */
  names(): Iterable<string> {
    return this.#namespace === undefined ? [] : namesIn(this.#namespace)
  }

  #load(): Promise<object> {
    this.#loading ??= import(/* @vite-ignore */ this.url).then((namespace: object) => {
      this.#namespace = namespace
      return namespace
    })
    return this.#loading
  }

  #entry(namespace: object, ref: string): Found {
    const value = lookUp(namespace, ref)
    return value === undefined || value === null ? undefined : { value, origin: { module: this.url, export: ref } }
  }
}

/**
 * Takes coroutines from the exports of a module, which is imported when the first of them is needed. Such a coroMap
 * answers with promises: use `await Plumber.create()`.
 *
 * @example
 * const plumber = await Plumber.create(graph, { coroMap: moduleCoros(new URL('./coros.js', import.meta.url)) })
 */
export function moduleCoros(url: URL | string): ModuleCoros {
  return new ModuleCoros(String(url))
}

function isModuleCoros(value: unknown): value is ModuleCoros {
  return typeof value === 'object' && value !== null && MODULE in value
}

/** Most names that are listed. */
const MOST_NAMES = 10_000

/** The names of all coroutines in a group, level by level. A group that contains itself is visited once. */
function namesIn(table: object): string[] {
  const names: string[] = []
  const seen = new Set([table])
  const queue: { readonly group: object; readonly prefix: string }[] = [{ group: table, prefix: '' }]
  for (const { group, prefix } of queue) {
    for (const key of group instanceof Map ? group.keys() : Object.keys(group)) {
      if (names.length >= MOST_NAMES) return names
      const value = typeof key === 'string' ? readable(group, key) : undefined
      if (isCoro(value)) names.push(prefix + key)
      else if (isGroup(value) && !seen.has(value)) {
        seen.add(value)
        queue.push({ group: value, prefix: `${prefix}${key}.` })
      }
    }
  }
  return names
}

function readable(group: object, key: string): unknown {
  try {
    return entryOf(group, key)
  } catch {
    return undefined
  }
}

/** Whether a value can be used as a coroutine. */
export function isCoro(value: unknown): value is Coro | CoroDefinition {
  return (typeof value === 'function' && !isClass(value)) || isCoroDefinition(value)
}
