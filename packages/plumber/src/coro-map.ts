import {
  type CoroOrigin,
  isClass,
  isGroup,
  isModuleCoros,
  lookUp,
  type ModuleCoros,
  namesIn,
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
  /** What all its names begin with, where there is such a word. */
  readonly group?: string | undefined
}
type Found = CoroEntry | undefined

/** Names of this group are ready-made coroutines, looked up nowhere but there. */
const READY = 'std'
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
  /** Those that may have names of the reserved group. */
  readonly #ready: readonly CoroSource[]

  constructor(coroMap: unknown) {
    const sources: CoroSource[] = []
    this.given = coroMap !== undefined
    this.problem = this.given ? collect(coroMap, sources) : undefined
    this.#sources = sources
    this.#ready = sources.filter(({ group }) => group === READY)
  }

  /** Whether a name is answered without a coroMap. */
  isKnown(ref: string): boolean {
    return BUILT_INS.has(ref)
  }

  /** The entry for a name; a promise only where a source that had to be asked is asynchronous. Throws what it throws. */
  find(ref: string, node: string): Found | Promise<Found> {
    const value = BUILT_INS.get(ref)
    if (value !== undefined) return { value }
    return findFrom(isReady(ref) ? this.#ready : this.#sources, ref, node)
  }

  /** The names that can be listed, those of resolvers left out; for suggestions and schemas. */
  names(): string[] {
    return [...new Set([...this.#sources.flatMap((source) => [...source.names()]), ...BUILT_INS.keys()])]
  }

  /** What to do where a name is ready-made, but nothing ready-made was given; `undefined` elsewhere. */
  missing(ref: string): string | undefined {
    if (!isReady(ref) || this.#ready.length > 0) return undefined
    return 'Add the ready-made coroutines to the coroMap: import { std } from "@pipelines/std", then [std, yours].'
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

const isReady = (ref: string): boolean => ref.startsWith(`${READY}.`)

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
